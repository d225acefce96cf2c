"""Applies a plan: order, rate limits, confirmation, outcomes; knows a Writer only as a Protocol."""

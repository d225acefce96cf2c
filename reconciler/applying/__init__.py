"""Carries a plan out: order, pace, confirmation, outcomes; knows a Writer only as a Protocol."""

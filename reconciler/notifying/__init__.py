"""Sends notifications: the only room beside azure that talks to the network, and to nothing but configured channels."""

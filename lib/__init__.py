"""Briefly's behaviour: one room per capability, on one shared core."""

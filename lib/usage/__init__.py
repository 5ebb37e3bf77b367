"""Metering and limits."""

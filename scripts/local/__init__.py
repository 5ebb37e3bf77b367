"""The local cloud: everything that Briefly stands on, on one machine."""

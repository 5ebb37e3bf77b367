"""The commands of the house and the local cloud."""

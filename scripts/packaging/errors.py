"""Why there is no package."""


class NotPackaged(Exception):
    """Something about a function cannot be told from its source. The message names the place and what is wrong."""

"""The same as `echo`, for everybody."""

from tests.local.functions.echo.main import echo as open_echo

__all__ = ["open_echo"]

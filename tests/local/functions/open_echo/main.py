"""The same as `echo`, for everybody."""

from tests.local.functions.echo.main import main

__all__ = ["main"]

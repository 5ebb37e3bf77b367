"""The same question about several things at once, under one time budget."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from contextvars import copy_context
from datetime import timedelta
from functools import cache
from typing import TypeVar

from lib.core import deadline, telemetry
from lib.core.errors import DeadlineExceeded, InternalError, Problem

MOST_AT_ONCE = 64
MARGIN = timedelta(milliseconds=100)

_I = TypeVar("_I")
_O = TypeVar("_O")


def ask_all(items: Sequence[_I], question: Callable[[_I], _O], budget: timedelta) -> list[_O | Problem]:
    """Each item's answer or problem, in order, no later than the budget and the deadline of the work at hand allow.

    Whoever does not answer in time gets `DeadlineExceeded`; its thread ends by its own socket timeouts.
    """
    with deadline.within(budget) as limit:
        running = [_pool().submit(copy_context().run, question, item) for item in items]
        answers: list[_O | Problem] = []
        for future in running:
            try:
                answers.append(future.result(timeout=(limit.remaining() + MARGIN).total_seconds()))
            except TookTooLong:
                future.cancel()
                answers.append(DeadlineExceeded("There was no answer in time"))
            except Problem as problem:
                answers.append(problem)
            except Exception as error:
                telemetry.error("unhandled exception in one of several answers", error)
                answers.append(InternalError())
    return answers


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="parallel")

"""Many cases, in several processes where that is quicker."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from time import perf_counter
from typing import TypeVar

from medse.errors import InputError
from medse.evaluate.cases import CaseFiles

Result = TypeVar("Result")

WORTH_SECONDS = 4.0
"""Work that is left from which on further processes are started: each takes about a second to begin."""


def each_case(
    work: Callable[[CaseFiles], Result], cases: Sequence[CaseFiles], processes: int
) -> Iterator[tuple[str, Result | InputError]]:
    """Yield the id of every case with what ``work`` returns, or with the error that it raises, in order.

    The first case is done here; from how long it takes follows whether further processes are worth while, to which
    ``work`` is sent then.

    Raises:
        InputError: A process was ended from outside.
    """
    begun = perf_counter()
    attempt = partial(_attempt, work)
    yield from map(attempt, cases[:1])
    rest = cases[1:]
    workers = min(processes, len(rest))
    if workers < 2 or (perf_counter() - begun) * len(rest) < WORTH_SECONDS:
        yield from map(attempt, rest)
        return
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(attempt, rest)
    except BrokenProcessPool as error:
        raise InputError(
            f"One of {workers} processes that score cases was ended by the system, most likely for want of memory; "
            "each needs room for a case; give a smaller number with --processes."
        ) from error


def _attempt(work: Callable[[CaseFiles], Result], files: CaseFiles) -> tuple[str, Result | InputError]:
    try:
        return files.case, work(files)
    except InputError as error:
        return files.case, error

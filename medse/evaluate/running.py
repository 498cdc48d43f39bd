"""Many cases, in several processes where that is quicker."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from time import perf_counter
from typing import TypeVar

from medse.errors import InputError
from medse.evaluate.cases import CaseFiles
from medse.machine import SMALLER, fitting, memory_for
from medse.volumes.names import list_volumes
from medse.volumes.reading import read_label_grid

Result = TypeVar("Result")

WORTH_SECONDS = 4.0
"""Work that is left from which on further processes are started: each takes about a second to begin."""
PROCESS_BYTES = 150_000_000
VOXEL_BYTES = 24
"""Memory that a process takes, and that it takes for a voxel of a case; measured were 4 to 16 bytes."""


def fitting_processes(cases: Sequence[CaseFiles], most: int) -> int:
    """Return how many processes, 1 to ``most``, have room for the largest case each."""
    if most < 2:
        return 1
    voxels = [0]
    for files in cases:
        try:
            masks = list_volumes(files.reference).values() if files.reference.is_dir() else [files.reference]
            voxels += [math.prod(read_label_grid(path).spatial_shape) for path in list(masks)[:1]]
        except InputError:
            continue  # it is said when the case is scored, and then takes no room
    return fitting(PROCESS_BYTES + VOXEL_BYTES * max(voxels), most)


def each_case(
    work: Callable[[CaseFiles], Result], cases: Sequence[CaseFiles], processes: int
) -> Iterator[tuple[str, Result | InputError]]:
    """Yield the id of every case with what ``work`` returns, or with the error that it raises, in order.

    The first case is done here; from how long it takes follows whether further processes are worth while, to which
    ``work`` is sent then. After the system ended one, the cases that are left are done one at a time, each in a
    process of its own, so that it is known which one did not fit into memory.
    """
    begun = perf_counter()
    attempt = partial(_attempt, work)
    yield from map(attempt, cases[:1])
    rest = cases[1:]
    workers = min(processes, len(rest))
    if workers < 2 or (perf_counter() - begun) * len(rest) < WORTH_SECONDS:
        yield from map(attempt, rest)
        return
    done = 0
    try:
        with _pool(workers) as pool:
            for result in pool.map(attempt, rest):
                yield result
                done += 1
    except BrokenProcessPool:
        for files in rest[done:]:
            yield _alone(attempt, files)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def _alone(
    attempt: Callable[[CaseFiles], tuple[str, Result | InputError]], files: CaseFiles
) -> tuple[str, Result | InputError]:
    try:
        with _pool(1) as pool:
            return pool.submit(attempt, files).result()
    except BrokenProcessPool:
        return files.case, InputError(
            f"{files.reference} could not be scored: the system ended the process, most likely for want of memory, "
            f"though it was alone; {SMALLER}."
        )


def _attempt(work: Callable[[CaseFiles], Result], files: CaseFiles) -> tuple[str, Result | InputError]:
    try:
        with memory_for(str(files.reference)):
            return files.case, work(files)
    except InputError as error:
        return files.case, error

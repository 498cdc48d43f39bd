"""Batches from processes beside the training, whose troubles end in one sentence as without them."""

import math
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from medse.arrays import AnyArray
from medse.data.patches import gather
from medse.errors import InputError

Batch = dict[str, Any]

ALIGNED = 64
"""Arrays start at multiples of so many bytes."""


class _Refusable(Dataset[Any]):
    """Items of a data set, and in place of one that cannot be used the error that says why.

    PyTorch hands on an error of a process as one of the same class whose text is the process's traceback.
    """

    def __init__(self, patches: Dataset[Batch]) -> None:
        self.patches = patches

    def __getitem__(self, index: Any) -> Batch | InputError:
        try:
            return self.patches[index]
        except InputError as error:
            return InputError(*error.args)  # without its cause, which cannot always be sent


@dataclass(frozen=True)
class _Sent:
    """Items on their way from a process: all arrays side by side in one piece of shared memory, one open file.

    Attributes:
        packed: Their bytes.
        items: The items, with type, shape and first byte in the place of each array.
    """

    packed: Tensor
    items: list[Batch]

    def pin_memory(self) -> "_Sent":
        """Copy the arrays to pinned memory; PyTorch calls it, in a thread for that."""
        return _Sent(self.packed.pin_memory(), self.items)

    def batch(self) -> Batch:
        """Make the batch; its tensors lie in that memory."""
        data = self.packed.numpy()
        return gather(
            [
                {key: part.of(data) if isinstance(part, _Place) else part for key, part in item.items()}
                for item in self.items
            ]
        )


@dataclass(frozen=True)
class _Place:
    dtype: str
    shape: tuple[int, ...]
    start: int

    def of(self, data: AnyArray) -> AnyArray:
        length = math.prod(self.shape) * np.dtype(self.dtype).itemsize
        part: AnyArray = data[self.start : self.start + length].view(self.dtype).reshape(self.shape)
        return part


def _collate(items: Sequence[Batch | InputError]) -> _Sent | Batch | InputError:
    found: list[Batch] = []
    for item in items:
        if isinstance(item, InputError):
            return item
        found.append(item)
    if get_worker_info() is None:
        return gather(found)
    try:
        return _pack(found)
    except (
        RuntimeError,
        OSError,
    ) as error:  # here, because what fails while it is sent is lost without a word
        return _trouble(error)


def _pack(items: Sequence[Batch]) -> _Sent:
    end, places = 0, list[Batch]()
    for item in items:
        places.append({})
        for key, part in item.items():
            places[-1][key] = part
            if isinstance(part, np.ndarray):
                places[-1][key] = _Place(part.dtype.str, part.shape, end)
                end += -(-part.nbytes // ALIGNED) * ALIGNED
    packed: Tensor = torch.empty(end, dtype=torch.uint8).share_memory_()  # type: ignore[no-untyped-call]
    for item, place in zip(items, places, strict=True):
        for key, part in place.items():
            if isinstance(part, _Place):
                part.of(packed.numpy())[...] = item[key]
    return _Sent(packed, places)


def _received(sent: _Sent | Batch | InputError) -> Batch:
    if isinstance(sent, InputError):
        raise sent
    return sent.batch() if isinstance(sent, _Sent) else sent


class Batches(DataLoader[Any]):
    """Batches of patches, prepared by ``workers`` processes, or by the training's own where there are none.

    Under Linux the processes share the cases in memory; elsewhere each gets a copy.

    Raises:
        InputError: In the iteration: as from ``patches``, or the processes cannot be started.
    """

    def __init__(
        self, patches: Dataset[Batch], sampler: Sampler[Any], batch_size: int, workers: int, *, pinned: bool
    ) -> None:
        super().__init__(
            _Refusable(patches),
            batch_size=batch_size,
            sampler=sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pinned,
            collate_fn=_collate,
            worker_init_fn=_disturbable,
            multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        )

    def __iter__(self) -> Any:
        try:
            with _undisturbed():
                batches = super().__iter__()
        except OSError as error:
            raise _trouble(error) from error
        try:
            yield from map(_received, batches)
        except (OSError, EOFError) as error:  # a process was killed while it sent a batch
            if not self.num_workers:
                raise
            raise _trouble(error) from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block has ended: Python drops what is raised while a process is forked.

    A mask of signals would not do: the system gives them to another thread, and Python raises in this one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: waiting.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for arrived in waiting:
            signal.raise_signal(arrived)


def _disturbable(_worker: int) -> None:
    """Take Ctrl-C again in a process that was forked in the block above; PyTorch sees to SIGTERM."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def workers_in_words() -> Iterator[None]:
    """Say what to do where a process was killed in the block; PyTorch says so wherever the training just is.

    Raises:
        InputError: One was.
    """
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise _trouble(error) from error


def _trouble(error: Exception) -> InputError:
    what = (str(error) or type(error).__name__).splitlines()[0].rstrip(". ")
    return InputError(
        f"The processes that prepare patches cannot go on ({what}); they need memory, shared memory (/dev/shm) "
        "and open files, which containers and jobs may limit; raise the limit, or continue with --resume and "
        "data.workers=0."
    )

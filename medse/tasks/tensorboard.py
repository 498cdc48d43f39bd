"""The curves of a training for TensorBoard, where that is installed."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger

from medse.errors import InputError

FOLDER = "tensorboard"


def tensorboard_log(run: Path) -> TensorBoardLogger | bool:
    """Return what logs into the folder ``tensorboard`` of a run; without TensorBoard False, Lightning's "no"."""
    return _Curves(save_dir=run, name="", version=FOLDER) if find_spec("tensorboard") else False


class _Curves(TensorBoardLogger):
    """Lightning's logger, which says where the system refuses to write.

    Raises:
        InputError: It does; with TensorBoard's threads that may be at a later call.
    """

    @property
    def experiment(self) -> Any:
        """Return what writes; where there is none yet, its file is made."""
        with self._writing():
            return super().experiment

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        with self._writing():
            super().log_metrics(metrics, step)

    def save(self) -> None:
        with self._writing():
            super().save()

    def finalize(self, status: str) -> None:
        with self._writing():
            super().finalize(status)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__  # Lightning wraps what it logs
            if isinstance(cause, InputError):
                raise cause from None
            if not isinstance(cause, OSError):
                raise
            reason = os.strerror(cause.errno) if cause.errno else cause
            raise InputError(
                f"Cannot write the curves in {self.log_dir}: {reason}; make room or move it away, then "
                "continue the run (--resume)."
            ) from error

"""medse: medical image segmentation with squeeze-and-excitation attention, in 2-D and 3-D."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medse.runs.trained import LoadedRun, load_run

__all__ = ["LoadedRun", "load_run"]


def __getattr__(name: str) -> Any:
    """Import the Python API on first use, so that the command line and scoring never wait for torch."""
    if name in __all__:
        from medse.runs import trained

        return getattr(trained, name)
    raise AttributeError(f"module 'medse' has no attribute {name!r}")

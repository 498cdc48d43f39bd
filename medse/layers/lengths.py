"""Sizes given once or per axis or per resolution: strides, kernels, blocks."""

from pydantic import PositiveInt

from medse.errors import InputError

Lengths = PositiveInt | tuple[PositiveInt, ...]
"""A size in voxels: one number for all axes, or one per axis."""
PerLevel = PositiveInt | tuple[Lengths, ...]
"""One number for all resolutions, or an entry per resolution, each one number or one per axis."""


def check_spatial_dims(spatial_dims: int) -> None:
    """Raise unless ``spatial_dims`` is 2 or 3.

    Raises:
        InputError: It is something else.
    """
    if spatial_dims not in (2, 3):
        raise InputError(f"spatial_dims is {spatial_dims}; allowed are 2 and 3.")


def counts(given: int | tuple[int, ...], levels: int, what: str) -> tuple[int, ...]:
    """Return a count for each resolution.

    Args:
        given: One for all resolutions, or one for each.
        levels: How many are needed.
        what: Name of the option, for the message.

    Raises:
        InputError: There are more or fewer than ``levels``, or one is below 1.
    """
    each = (given,) * levels if isinstance(given, int) else tuple(given)
    if len(each) != levels or min(each) < 1:
        raise InputError(
            f"{what} is {given}; this network takes one number above 0, or {levels} of them; correct it."
        )
    return each


def per_axis(given: Lengths, spatial_dims: int, what: str) -> tuple[int, ...]:
    """Return one number per spatial axis.

    Args:
        given: One number for all, or one per axis.
        spatial_dims: 2 or 3.
        what: Name of the option, for the message.

    Raises:
        InputError: There are more or fewer numbers than axes, or one is below 1.
    """
    lengths = (given,) * spatial_dims if isinstance(given, int) else tuple(given)
    if len(lengths) != spatial_dims or min(lengths) < 1:
        raise InputError(
            f"{what} has the entry {given}; allowed is one number from 1 or one for each of the {spatial_dims} axes."
        )
    return lengths


def per_level(given: PerLevel, levels: int, spatial_dims: int, what: str) -> list[tuple[int, ...]]:
    """Return, for each resolution, one number per spatial axis.

    Args:
        given: One number for all, or an entry per resolution.
        levels: How many entries are needed.
        spatial_dims: 2 or 3.
        what: Name of the option, for the message.

    Raises:
        InputError: There are more or fewer entries than ``levels``, or one does not suit the axes.
    """
    entries = (given,) * levels if isinstance(given, int) else tuple(given)
    if len(entries) != levels:
        raise InputError(
            f"{what} has {len(entries)} entries; this network needs {levels}; give one number for all or that many."
        )
    return [per_axis(entry, spatial_dims, what) for entry in entries]


def odd_kernels(given: PerLevel, levels: int, spatial_dims: int) -> list[tuple[int, ...]]:
    """Return the kernel of each resolution, as :func:`per_level` does.

    Raises:
        InputError: A length is even, so that the kernel has no centre, or as :func:`per_level`.
    """
    kernels = per_level(given, levels, spatial_dims, "kernel_size")
    if any(length % 2 == 0 for kernel in kernels for length in kernel):
        raise InputError(f"kernel_size is {given}; each length must be odd; 3 is usual.")
    return kernels

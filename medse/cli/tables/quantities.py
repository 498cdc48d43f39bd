"""Numbers in words, for the terminal."""

from collections.abc import Sequence

COUNTED = "of convolutions and matrix products; a multiply-add is two"
"""What the FLOPs that are printed count."""


def short(number: float) -> str:
    """Return three digits and a unit: ``12.7 M``."""
    for unit in ("", " k", " M", " G"):
        if number < 999.5:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} T"


def memory(count: int) -> str:
    """Return a number of bytes: ``1.27 GB``."""
    text = short(count)
    return f"{text}B" if " " in text else f"{text} B"


def percent(part: int, whole: int) -> str:
    """Return a share: ``0.15 %``."""
    return f"{100 * part / whole:.2g} %" if 1000 * part < 995 * whole else f"{100 * part / whole:.0f} %"


def by(lengths: Sequence[float]) -> str:
    """Return lengths along axes: ``96 x 96 x 64``."""
    return " x ".join(f"{length:g}" for length in lengths)

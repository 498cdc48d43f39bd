"""How numbers are written on the page and in the tables for papers."""

import math

from medse.scores.scores import ScoreRow
from medse.scores.table import SCORES

DASH, INFINITE = "–", "∞"


def format_score(value: float | None) -> str:
    """Format a score between 0 and 1; a dash where it is undefined, nothing where it was not computed."""
    return _special(value) if value is None or not math.isfinite(value) else f"{value:.3f}"


def format_length(value: float | None) -> str:
    """Format a volume or distance to three significant digits without an exponent, special ones as a score."""
    if value is None or not math.isfinite(value):
        return _special(value)
    digits = 2 if value == 0 else max(0, min(6, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{digits}f}".replace("-", "−")


def format_value(value: float | None, name: str) -> str:
    """Format a value of the score ``name`` by its unit."""
    return format_length(value) if SCORES[name].unit else format_score(value)


def format_signed(value: float) -> str:
    """As :func:`format_length`, with a plus sign where it is positive."""
    return ("+" if value > 0 else "") + format_length(value)


def outcome(row: ScoreRow) -> str:
    """Say in a word which mask is empty, if one is."""
    words = {(False, True): "false negative", (True, False): "false positive", (True, True): "both empty"}
    return words.get((row.reference_empty, row.prediction_empty), "")


def _special(value: float | None) -> str:
    if value is None:
        return ""
    return INFINITE if value == math.inf else DASH

"""What the figures have in common: style, colours, names and the way to SVG."""

import io
from collections.abc import Iterable
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text

POINT, LINE, MARK, GROUND = "#0072B2", "#222222", "#D55E00", "#CFE3F1"
WIDTH_INCHES = 4.4
MOST_LINES = 25
"""Classes that a drawing by class shows; the furthest of them where there are more."""
MOST_POINTS = 3000
"""Points that are drawn as vectors; more are drawn as pixels, to keep the page small."""
STYLE: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": "medse", "font.size": 8.5}
_LONGEST, _END = 28, 11


def short(label: str) -> str:
    """Cut a name that would take the room of the drawing, in the middle: names often differ at their ends."""
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - _END - 1]}…{label[-_END:]}"


def plain(texts: Iterable[Text]) -> None:
    """Keep names that hold a dollar sign from being read as formulas."""
    for text in texts:
        text.set_parse_math(False)


def to_svg(figure: Figure) -> bytes:
    """Return the figure as SVG, the same for the same drawing."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()

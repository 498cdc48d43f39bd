"""What ``medse explain`` found out: ``explain.csv``, a line per image, and ``explain.json``, their means."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import nn

from medse.explain.cases import UNKNOWN
from medse.explain.faithfulness import BLUR, CELLS, STEPS
from medse.files import write_text
from medse.scores.files import csv_text
from medse.scores.statistics import METHOD, Name, Record, Summary, summarise

TABLE, SUMMARY = "explain.csv", "explain.json"


class Explained(Record):
    """One image: a line of ``explain.csv``. What is not known is None.

    Attributes:
        reference: Its class; empty where it is not known.
        predicted: The most probable class, of which all else is told.
        probability: Of that class.
        insertion: As of :class:`medse.explain.faithfulness.Faithfulness`, like ``deletion``.
        insertion_random: The same in a random order, like ``deletion_random``: what a map must beat.
        inside_share: Share of the map inside the outline.
        area_share: Share of the image inside the outline: what a map without a preference has.
        hit: Whether the map is largest inside the outline, to the pixel.
    """

    case: Name
    group: Name
    reference: Name
    predicted: Name
    probability: float
    insertion: float
    deletion: float
    insertion_random: float
    deletion_random: float
    inside_share: float | None = None
    area_share: float | None = None
    hit: bool | None = None

    @property
    def wrong(self) -> bool:
        return self.reference not in (UNKNOWN, self.predicted)


class Method(Record):
    """How the numbers were made."""

    map: str = "Grad-CAM of the predicted class"
    layer: str
    steps: int = STEPS
    insertion_from: str = f"the image blurred by a Gaussian of {BLUR:.4g} of its longest axis"
    deletion_to: str = "the mean of each channel of the image"
    random_order: str = f"random numbers on {CELLS} cells per axis, interpolated linearly"
    hit_tolerance_pixels: float = 0.0
    interval: str = METHOD


class Explanation(Record):
    """All images together.

    Attributes:
        mistakes: Images whose reference is another class than the predicted one.
        outlined: Images with an outline.
        scores: The columns of ``explain.csv``, and what is gained over chance: ``insertion_gain`` over a random
            order, ``deletion_gain`` (more is better here too), and ``inside_gain``, the share inside less that of the
            area.
        refused: Case -> why it was left out.
    """

    images: int
    groups: int
    mistakes: int
    outlined: int
    method: Method
    scores: dict[str, Summary]
    refused: dict[str, str]
    rows: tuple[Explained, ...]


def explanation_of(rows: Sequence[Explained], net: nn.Module, refused: Mapping[str, str]) -> Explanation:
    """Summarise the images; groups are drawn for the intervals."""
    names = [name for name, field in Explained.model_fields.items() if field.annotation is not str]
    columns = {
        name: np.array([_number(getattr(row, name)) for row in rows], dtype=np.float64)
        for name in names
        if name not in ("case", "group", "reference", "predicted")
    }
    columns["insertion_gain"] = columns["insertion"] - columns["insertion_random"]
    columns["deletion_gain"] = columns["deletion_random"] - columns["deletion"]
    columns["inside_gain"] = columns["inside_share"] - columns["area_share"]
    groups = [row.group for row in rows]
    return Explanation(
        images=len(rows),
        groups=len(set(groups)),
        mistakes=sum(row.wrong for row in rows),
        outlined=sum(row.area_share is not None for row in rows),
        method=Method(layer=str(net.last_map)),
        scores={name: summarise(values, groups) for name, values in columns.items()},
        refused=dict(refused),
        rows=tuple(rows),
    )


def write_explanation(folder: Path, found: Explanation) -> None:
    write_text(folder / TABLE, csv_text(Explained, found.rows))
    write_text(folder / SUMMARY, found.model_dump_json(indent=1, exclude={"rows"}) + "\n")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)

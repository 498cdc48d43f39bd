"""Left and right: which classes come in pairs, by their names, and whether the pairs lie the right way round."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from medse.arrays import FloatArray

_WORDS = {"left": "right", "right": "left", "lh": "rh", "rh": "lh"}
_LETTERS = {"l": "r", "r": "l"}
_LEFT = {"left", "lh", "l"}
_BREAK = re.compile(
    r"[\W_]+|(?<=[a-z])(?=[A-Z][A-Za-z])|(?<=[A-Z]{2})(?=[A-Z][a-z])"
    r"|(?<=[^\W\d_]{2})(?=\d)|(?<=\d)(?=[^\W\d_]{2})"
)
"""Where a name is split: separators, ``leftKidney``, ``CSFLeft``, ``left1`` and ``1left``, but not ``L1``."""

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class Misplaced:
    """A pair of classes whose left one does not lie to the left.

    Attributes:
        left: Name of the class that should be at the patient's left.
        right: Name of the other.
        left_mm: Mean x of its voxels in RAS, where x grows from the patient's left to the right.
        right_mm: The same of the other.
    """

    left: str
    right: str
    left_mm: float
    right_mm: float


def pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Find the classes whose names differ in nothing but their side.

    A side is the word left or right, lh or rh anywhere in a name (``rib_left_1``, ``ctx-lh-insula``,
    ``LeftKidney``), or the letter L or R at its start or end (``Precentral_L``); case does not matter.
    Where it is not certain which class is the partner, there is none.

    Returns:
        Positions in ``names`` of the left and the right class of each pair.
    """
    where = defaultdict(list)
    for position, name in enumerate(names):
        where[_split(name)].append(position)
    partners: dict[int, set[int]] = defaultdict(set)
    lefts = {}
    for position, name in enumerate(names):
        own = _split(name)
        for place in _side_places(own):
            lefts[position] = own[place] in _LEFT
            partners[position].update(where[_mirror(own, place)])
    return tuple(
        (position, other)
        for position, found in partners.items()
        if lefts[position] and len(found) == 1 and partners[other := min(found)] == {position}
    )


def one_sided(names: Sequence[str]) -> tuple[int, ...]:
    """Return the positions of classes that name a side and have no partner."""
    paired = {position for pair in pairs(names) for position in pair}
    return tuple(k for k, name in enumerate(names) if k not in paired and _side_places(_split(name)))


def misplaced(names: Sequence[str], x_mm: FloatArray) -> tuple[Misplaced, ...]:
    """Return the pairs whose left class does not have the smaller x, those furthest apart first.

    Args:
        x_mm: Mean x of each class in RAS; NaN where it is absent, which leaves its pair out.
    """
    found = [
        Misplaced(names[left], names[right], float(x_mm[left]), float(x_mm[right]))
        for left, right in pairs(names)
        if x_mm[left] >= x_mm[right]
    ]
    return tuple(sorted(found, key=lambda pair: pair.right_mm - pair.left_mm))


def _split(name: str) -> Tokens:
    return tuple(_BREAK.sub(" ", name).casefold().split())


def _side_places(tokens: Tokens) -> list[int]:
    """Return which tokens name a side."""
    ends = (0, len(tokens) - 1)
    return [k for k, token in enumerate(tokens) if token in _WORDS or (k in ends and token in _LETTERS)]


def _mirror(tokens: Tokens, place: int) -> Tokens:
    other = (_WORDS | _LETTERS)[tokens[place]]
    return (*tokens[:place], other, *tokens[place + 1 :])

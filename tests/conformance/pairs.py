"""Pairs of masks on which every convention is compared with the package it is named after."""

from functools import cache

from hand_made import Pair, hand_made
from random_pairs import random_pairs


@cache
def all_pairs() -> tuple[Pair, ...]:
    """Return the hand-made and the random pairs, always the same."""
    return (*hand_made(), *random_pairs())

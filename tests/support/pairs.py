"""Pairs of masks on which every convention is compared with the package it is named after."""

from functools import cache

from tests.support.hand_made_pairs import Pair, hand_made
from tests.support.random_pairs import random_pairs


@cache
def all_pairs() -> tuple[Pair, ...]:
    """Return the hand-made and the random pairs, always the same."""
    return (*hand_made(), *random_pairs())

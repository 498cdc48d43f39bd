"""What a page says of how a classifier's images were told apart."""

from collections.abc import Mapping
from typing import Literal

METHOD, IN_BOTH, TRAINED_ON = "method", "groups_on_both_sides", "cases_trained_on"
"""Facts of the split that pages look at; the others are shown as they are.

Method: how images were dealt; then how many groups have images on both sides, and how many of the scored cases were
trained on.
"""
BY_IMAGE = "images"
"""Method that deals every image by itself, so that a group has images on both sides."""
METHODS = {
    "random": "whole groups dealt at random",
    "contiguous": "contiguous groups, those beside the validation part left out of training",
    BY_IMAGE: "single images dealt at random, groups ignored: scores are too good",
    "given": "as the data gives it",
}
"""How images are dealt -> the same in words."""

Sides = Literal["whole", "divided", "unknown"]


def sides_of_groups(split: Mapping[str, str], *, grouped: bool) -> Sides:
    """Say whether every group was wholly on one side of the split, as far as is known.

    Args:
        split: Facts of the split; empty where nothing is known.
        grouped: Whether several cases share a group. Where none do, it is not known which images belong together.

    Example:
        >>> sides_of_groups({"method": "random"}, grouped=True)
        'whole'
        >>> sides_of_groups({"method": "images"}, grouped=True)
        'divided'
        >>> sides_of_groups({}, grouped=True)
        'unknown'
    """
    if split.get(METHOD) == BY_IMAGE or any(split.get(fact, "0") != "0" for fact in (IN_BOTH, TRAINED_ON)):
        return "divided"
    return "whole" if grouped and (METHOD in split or IN_BOTH in split) else "unknown"

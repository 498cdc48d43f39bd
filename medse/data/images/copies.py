"""Which copies of an image keep a training from starting: on two sides of a split, or of two classes."""

from collections.abc import Collection, Mapping, Sequence

from medse.data.images.cases import ImageCase
from medse.data.images.duplicates import Duplicate, Kind
from medse.data.splits import Split

_SAME: dict[Kind, str] = {
    "identical": "are the same file",
    "pixels": "have the same pixels",
    "similar": "show the same picture",
}
"""Kind of a pair -> what its two images are."""


def across(
    duplicates: Sequence[Duplicate], split: Split, test: Collection[str] = ()
) -> tuple[Duplicate, ...]:
    """Return which duplicates lie on two sides of a split: training, validation and what is kept aside for testing.

    Copies of copies count: a case that lies on another side than the first of those it belongs with, and of which no
    pair across was found, makes one with that.
    """
    side = {name: k for k, names in enumerate((split.training, split.validation, test)) for name in names}
    direct = [d for d in duplicates if d.one in side and d.other in side and side[d.one] != side[d.other]]
    said = {name for duplicate in direct for name in (duplicate.one, duplicate.other)}
    indirect = []
    for names in _families(duplicates):
        first, *others = sorted((side[name], name) for name in names if name in side) or [(0, "")]
        indirect += [
            Duplicate(first[1], name, "similar", "through another copy")
            for k, name in others
            if k != first[0] and name not in said
        ]
    return (*direct, *indirect)


def described(
    duplicates: Sequence[Duplicate], cases: Mapping[str, ImageCase], split: Split, test: Collection[str] = ()
) -> list[str]:
    """Say which images lie on two sides of a split, a sentence for each of :func:`across`'s duplicates."""
    words = {
        name: word
        for names, word in (
            (split.training, "trained on"),
            (split.validation, "validated on"),
            (test, "kept aside for testing"),
        )
        for name in names
    }
    return [
        f"{_name(cases[d.one])} and {_name(cases[d.other])} {_SAME[d.kind]}{f' ({d.how})' * bool(d.how)}; the first "
        f"is {words[d.one]} and the second {words[d.other]}, though no image may be both; remove one of the two, "
        "give both one group in a table (where data.split deals by group), or set data.duplicates=allow."
        for d in across(duplicates, split, test)
    ]


def contradictory(duplicates: Sequence[Duplicate], cases: Mapping[str, ImageCase]) -> list[str]:
    """Say which images with the same pixels are of two classes, a sentence for each pair."""
    return [
        f"{_name(cases[d.one])} and {_name(cases[d.other])} {_SAME[d.kind]}, and the first is of class "
        f"{cases[d.one].label!r} and the second of class {cases[d.other].label!r}; correct one class, remove one of "
        "the two, or set data.duplicates=allow."
        for d in duplicates
        if d.kind != "similar" and cases[d.one].label != cases[d.other].label
    ]


def _name(case: ImageCase) -> str:
    return str(case.image) if case.slice is None else f"Slice {case.slice} of {case.image}"


def _families(duplicates: Sequence[Duplicate]) -> list[set[str]]:
    """Return the cases that are copies of each other, directly or through others."""
    family: dict[str, set[str]] = {}
    for duplicate in duplicates:
        joined = family.get(duplicate.one, {duplicate.one}) | family.get(duplicate.other, {duplicate.other})
        family.update(dict.fromkeys(joined, joined))
    return list({id(names): names for names in family.values()}.values())

"""Which classes enter the mean over classes."""

from collections.abc import Collection, Mapping, Sequence


def mean_classes(labels: Sequence[str], merged: Mapping[str, Collection[str]]) -> list[int]:
    """Return the positions of the classes that count: all but unions of which a part is scored itself.

    Args:
        labels: The scored classes.
        merged: Union -> its parts.
    """
    scored = set(labels)
    return [k for k, label in enumerate(labels) if scored.isdisjoint(merged.get(label, ()))]

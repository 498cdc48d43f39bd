"""What a data set for classification is: images, each with the name of its class."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medse.data.readers.listing import remark_outside
from medse.data.splits import natural
from medse.errors import InputError, nearest
from medse.volumes.names import check_id, located

TEST = -2
"""``fold`` of a case that no fold trains or validates on: of a published test set, or ``test`` in a table."""


@dataclass(frozen=True)
class ImageCase:
    """One image with its class.

    Attributes:
        id: Unique name, used for files.
        image: A picture, a DICOM slice or a volume.
        label: Name of its class.
        group: What must not be split between training and validation, usually the patient.
        mask: Outline of what the class is about, on the image's own pixels: 0 and one other value.
        slice: Index of the slice that is meant, along ``data.slice_axis`` of the volume in RAS order; None for a
            picture, or for the whole volume.
        fold: Fold that validates on the case, :data:`medse.data.cases.TRAINING_ONLY` or :data:`TEST`; None where
            folds are dealt.
    """

    id: str
    image: Path
    label: str
    group: str
    mask: Path | None = None
    slice: int | None = None
    fold: int | None = None


@dataclass(frozen=True)
class ImageDataset:
    """All cases of a task.

    Attributes:
        classes: Names of the classes, in the order of a network's outputs.
        cases: Sorted by id.
    """

    name: str
    classes: tuple[str, ...]
    cases: tuple[ImageCase, ...]


def image_dataset(
    name: str, classes: Sequence[str] | None, cases: Iterable[tuple[str, ImageCase]], source: str, root: Path
) -> ImageDataset:
    """Put the cases that ``source`` lists into a data set.

    Args:
        classes: Names of the classes in order; None for those that occur, in natural order.
        cases: Each with the place where it is listed, for messages.
        root: Folder of the data set; it is logged if files lie outside.

    Raises:
        InputError: A label is no class, a class has no case, there are fewer than two, an id is no plain file name or
            appears twice, or two groups share a file.
    """
    listed = list(cases)
    named = (
        tuple(sorted({case.label for _, case in listed}, key=natural)) if classes is None else tuple(classes)
    )
    _check_classes(named, Counter(case.label for _, case in listed), source)
    found: dict[str, ImageCase] = {}
    owners: dict[Path, ImageCase] = {}
    for place, case in listed:
        if case.label not in named:
            raise InputError(
                f"{place} has the label {case.label!r};{nearest(case.label, named)} the classes are "
                f"{', '.join(named)}; correct it, or add the class to data.classes."
            )
        check_id(case.id, place)
        if (other := found.setdefault(case.id, case)) is not case:
            raise InputError(
                f"{source} gives {other.image} and {case.image} the id {case.id!r}; every case needs its own; rename "
                "one of them."
            )
        for file in filter(None, (case.image, case.mask)):
            if (owner := owners.setdefault(located(file), case)).group != case.group:
                raise InputError(
                    f"{source} gives {file} to case {owner.id!r} of group {owner.group!r} and to case {case.id!r} of "
                    f"group {case.group!r}; only cases of one group may share a file; correct one of them."
                )
    remark_outside(owners, source, root)
    return ImageDataset(name, named, tuple(found[name] for name in sorted(found)))


def _check_classes(classes: Sequence[str], sizes: Counter[str], source: str) -> None:
    if repeated := _alike(classes):
        raise InputError(
            f"{source} has the classes {repeated[0]!r} and {repeated[1]!r}, which differ in capitals at most; "
            "classes need names of their own; correct one of them."
        )
    if absent := [name for name in classes if not sizes[name]]:
        raise InputError(
            f"{source} has no case of class {absent[0]!r};{nearest(absent[0], [*sizes])} it has {', '.join(sizes)}; "
            "add cases or remove the class from data.classes."
        )
    if len(classes) < 2:
        raise InputError(
            f"{source} has the one class {classes[0]!r}; two or more are expected; add cases of another."
        )


def _alike(names: Collection[str]) -> tuple[str, str] | None:
    first: dict[str, str] = {}
    for name in names:
        key = " ".join(name.casefold().split())
        if key in first:
            return first[key], name
        first[key] = name
    return None

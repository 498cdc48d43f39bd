"""Reader of a folder for each class."""

import logging
from collections.abc import Sequence
from pathlib import Path

from medse.data.cases import TRAINING_ONLY
from medse.data.images.cases import TEST, ImageCase, ImageDataset, image_dataset
from medse.errors import InputError, count, some
from medse.volumes.names import IMAGES, case_id, list_folder, suffix_of

log = logging.getLogger(__name__)

PARTS = {
    "training": "training",
    "train": "training",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "testing": "testing",
    "test": "testing",
}
"""What a folder above those of the classes is called, in lower case -> the part of the data that it holds."""


def read_class_folders(root: Path, classes: Sequence[str] | None) -> ImageDataset:
    """A folder for each class, CLASS/*.png, or Training/CLASS/*.png and Testing/CLASS/*.png as published.

    Folds are dealt among ``Training``, unless there is ``Validation`` beside it, which the one fold validates on;
    ``Testing`` is kept aside. Each image is its own group: the layout has no patient ids, and images of one patient
    may be trained and validated on. Ids are paths relative to ``root``, without the ending, with ``_`` for ``/``.

    Args:
        root: What holds the folders.
        classes: Names of the classes in order; None for those of the folders.
    """
    parts = _parts(root)
    folders = {part: _class_folders(folder) for part, folder in parts.items()}
    _check_parts(parts, folders)
    fold_of = {"training": TRAINING_ONLY if "validation" in parts else None, "validation": 0, "testing": TEST}
    cases, left = [], []
    for part, its in folders.items():
        for folder in its:
            found = [path for path in list_folder(folder) if path.is_file() and suffix_of(path, IMAGES)]
            known = {*found, *(path.with_suffix(".img") for path in found)}
            left += [str(path) for path in list_folder(folder) if path not in known]
            if not found:
                raise InputError(
                    f"{folder} holds no image; every class folder needs files that end in {', '.join(IMAGES)}; add "
                    "them or remove the folder."
                )
            for path in found:
                name = case_id(path, IMAGES)
                unique = "_".join((*path.parent.relative_to(root).parts, name))
                cases.append((str(path), ImageCase(unique, path, folder.name, unique, fold=fold_of[part])))
    if left:
        log.warning("Left out: %s that are no images: %s.", count(left, "entry", "entries"), some(left))
    return image_dataset(root.name, classes, cases, str(root), root)


def _parts(root: Path) -> dict[str, Path]:
    """Return the part of the data -> the folder with its class folders; ``root`` itself where there are no parts."""
    folders = [path for path in list_folder(root) if path.is_dir()]
    found: dict[str, Path] = {}
    for folder in folders:
        if (part := PARTS.get(folder.name.casefold(), "")) and found.setdefault(part, folder) != folder:
            raise InputError(
                f"{found[part]} and {folder} are both called a {part} set; there is one of each; merge them."
            )
    if not found:
        return {"training": root}
    if others := [folder for folder in folders if folder not in found.values()]:
        raise InputError(
            f"{root} holds {some([folder.name for folder in found.values()])} and beside them {others[0].name}; "
            "either all folders in it are classes, or all are Training, Validation and Testing; move the others."
        )
    if "training" not in found:
        raise InputError(
            f"{root} holds {some([folder.name for folder in found.values()])} and no Training; there must be "
            "something to train on; add the folder."
        )
    return found


def _class_folders(folder: Path) -> list[Path]:
    found = [path for path in list_folder(folder) if path.is_dir()]
    if not found:
        raise InputError(
            f"{folder} holds no folders; a folder for each class, named after it, is expected; sort the images into "
            "such, or list them in a table (data.format=csv)."
        )
    return found


def _check_parts(parts: dict[str, Path], folders: dict[str, list[Path]]) -> None:
    names = {part: {path.name for path in its} for part, its in folders.items()}
    every = set().union(*names.values())
    for part, its in names.items():
        if lacking := sorted(every - its):
            other = next(parts[p] for p, held in names.items() if lacking[0] in held)
            raise InputError(
                f"{parts[part]} has no folder {lacking[0]!r}, which {other} has; every class must be in each of "
                "them; add the folder, correct its name, or remove the class."
            )

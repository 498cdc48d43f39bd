"""Which images are explained, and what is known of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from medse.data.images.cases import ImageCase, ImageDataset
from medse.data.images.readers.class_folders import read_class_folders
from medse.data.images.readers.table import read_image_table
from medse.errors import InputError
from medse.files import given_path
from medse.volumes.names import IMAGES, case_ids, check_id, list_folder, located, suffix_of

TABLE = "cases.csv"
"""The table of a data set's folder."""
UNKNOWN = ""
"""Label of an image of which no class is known."""


def read_references(given: str | Path) -> ImageDataset:
    """Read what is known of images: their classes, groups and outlines.

    Args:
        given: A CSV table as of ``data.format: csv``; a folder with such a table, ``cases.csv``; or a folder with a
            folder of images for each class.

    Raises:
        InputError: It is none of these, or holds what cannot be used.
    """
    path = given_path(given)
    if path.suffix.lower() == ".csv":
        return read_image_table(path.parent, None, file=path.name)
    if not path.is_dir():
        raise InputError(
            f"{path} is no table and no folder; give a CSV table with the columns image and label, or a folder with "
            "a folder of images for each class."
        )
    return read_image_table(path, None) if (path / TABLE).is_file() else read_class_folders(path, None)


def collect_images(inputs: Sequence[str | Path], references: ImageDataset | None) -> tuple[ImageCase, ...]:
    """Return the images to explain, each with what the references say of its file.

    Args:
        inputs: Images, and folders that hold some at any depth.
        references: Where the classes, groups and outlines are looked up by file; an image that is not there has the
            label :data:`UNKNOWN` and its own group.

    Raises:
        InputError: An input does not exist, is no image by its name, holds none or is given twice; or two images that
            the references do not name share a name.
    """
    files = [path for given in inputs for path in _images(given_path(given))]
    known: dict[Path, list[ImageCase]] = {}
    for case in references.cases if references is not None else ():
        known.setdefault(located(case.image), []).append(case)
    unknown = [path for path in files if located(path) not in known]
    names = dict(zip(unknown, case_ids(unknown, [str(path) for path in unknown], IMAGES), strict=True))
    found: dict[str, ImageCase] = {}
    for path in files:
        for case in known.get(located(path)) or [ImageCase(names[path], path, UNKNOWN, names[path])]:
            check_id(case.id, str(path))
            if case.id in found:
                raise InputError(
                    f"{found[case.id].image} and {path} have the same case id {case.id!r}; every image needs its "
                    "own; leave one out, or rename it."
                )
            found[case.id] = case
    return tuple(found.values())


def _images(given: Path) -> list[Path]:
    if given.is_dir():
        if below := list(_below(given)):
            return below
        raise InputError(
            f"{given} holds no image; expected files that end in {', '.join(IMAGES)}; give a folder that has some."
        )
    if not given.is_file():
        raise InputError(f"{given} does not exist; give images, or folders of them.")
    return [given]


def _below(folder: Path) -> Iterator[Path]:
    for path in list_folder(folder):
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
        elif suffix_of(path, IMAGES):
            yield path

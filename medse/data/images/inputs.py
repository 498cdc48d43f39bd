"""Which images are to be classified."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from medse.data.images.cases import ImageCase
from medse.data.images.readers.table import list_images
from medse.errors import InputError
from medse.volumes.names import IMAGES, case_id, check_id, list_folder, located, suffix_of


def collect_images(
    inputs: Sequence[Path],
    *,
    file: str = "cases.csv",
    image: str = "image",
    slice: str = "slice",
    case: str = "case",
) -> list[ImageCase]:
    """Return the images that are meant, without classes, sorted by id.

    Args:
        inputs: Images, named after their files; tables with a column of images; and folders: of images, of folders
            of them (``glioma_0001`` is ``glioma/0001.png``, as in :func:`.read_class_folders`), or with a table.
        file: Name of a table in a folder.
        image: Column of the paths of images, in tables; ``slice`` and ``case`` are as of :func:`.read_image_table`.

    Raises:
        InputError: An input does not exist or holds no image, or two images have one id.
    """
    found: dict[str, ImageCase] = {}
    for given in inputs:
        for place, one in _listed(given, file, image, slice, case):
            check_id(one.id, place)
            other = found.setdefault(one.id, one)
            if other is not one and (located(other.image), other.slice) == (located(one.image), one.slice):
                raise InputError(f"{one.image} is given twice; an image counts once; leave one of them out.")
            if other is not one:
                raise InputError(
                    f"{other.image} and {one.image} have the same id {one.id!r}; ids must be unique; rename one of "
                    "them, or name them in a table with a column 'case'."
                )
    return [found[name] for name in sorted(found)]


def _listed(given: Path, file: str, image: str, slice: str, case: str) -> Iterator[tuple[str, ImageCase]]:
    if not given.exists():
        raise InputError(f"{given} does not exist; give images, folders of them, or a table of them.")
    if given.suffix.lower() == ".csv" and given.is_file():
        yield from list_images(given.parent, given.name, image, slice, case)
    elif given.is_file():
        name = case_id(given, IMAGES)
        yield str(given), ImageCase(name, given, "", name)
    elif (given / file).is_file():
        yield from list_images(given, file, image, slice, case)
    else:
        paths = list(_below(given))
        if not paths:
            raise InputError(
                f"{given} holds no image, nor {file}; expected files that end in {', '.join(IMAGES)}; give another "
                "folder."
            )
        for path in paths:
            name = "_".join((*path.parent.relative_to(given).parts, case_id(path, IMAGES)))
            yield str(path), ImageCase(name, path, "", name)


def _below(folder: Path) -> Iterator[Path]:
    for path in list_folder(folder):
        if path.is_dir():
            yield from _below(path)
        elif suffix_of(path, IMAGES):
            yield path

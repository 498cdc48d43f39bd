"""Which files are volumes, and what case each belongs to."""

from pathlib import Path

from medse.errors import InputError

SUFFIXES = (
    ".nii.gz",
    ".nii",
    ".hdr",
    ".mgh",
    ".mgz",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".png",
    ".jpg",
    ".jpeg",
)
"""Endings of the files that can be read, in lower case; capitals in a name are accepted."""

PICTURES = (".png", ".jpg", ".jpeg")
"""Those that hold a 2-D picture without a place in the world."""


def suffix_of(path: Path) -> str:
    """The one of :data:`SUFFIXES` that the file's name ends in, or an empty text."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix), "")


def case_id(path: Path) -> str:
    """The file's name without folder and suffix.

    Raises:
        InputError: The file does not end in one of :data:`SUFFIXES`.
    """
    if suffix := suffix_of(path):
        return path.name[: -len(suffix)]
    if path.suffix.lower() == ".img":
        raise InputError(f"{path} holds voxels without a header; give the .hdr file that lies beside it.")
    raise InputError(
        f"{path} is not a volume by its name; expected one that ends in {', '.join(SUFFIXES)}; convert the "
        "file or correct its name."
    )


def list_volumes(folder: Path) -> dict[str, Path]:
    """Map case id to file for the volumes directly in ``folder``, sorted, hidden ones left out.

    Of a pair only the ``.hdr`` is listed.

    Raises:
        InputError: It is no folder, cannot be listed, holds no volume, holds an ``.img`` without its ``.hdr``,
            or two files have one case id.
    """
    try:
        if not folder.is_dir():
            raise InputError(
                f"{folder} is not a folder; give one that holds volumes (.nii.gz, .mha, .png, ...)."
            )
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} cannot be listed ({error.strerror}); change its permissions.") from error
    found: dict[str, Path] = {}
    for path in paths:
        if path.suffix.lower() == ".img" and not _has_header(path):
            raise InputError(
                f"{path} has no header beside it; add the .hdr (or .mhd, .nhdr) file, or remove it."
            )
        if not suffix_of(path):
            continue
        if (name := case_id(path)) in found:
            raise InputError(
                f"{found[name]} and {path} have the same case id {name!r}; a folder holds one file per case; "
                "keep one of them."
            )
        found[name] = path
    if not found:
        raise InputError(f"{folder} holds no volume; expected files that end in {', '.join(SUFFIXES)}.")
    return found


def _has_header(image: Path) -> bool:
    headers = (image.with_suffix(suffix) for suffix in (".hdr", ".HDR", ".mhd", ".nhdr"))
    return any(header.is_file() for header in headers)

"""Which files are volumes, and what case each belongs to."""

from pathlib import Path

from medse.errors import InputError

SUFFIXES = (".nii.gz", ".nii")


def case_id(path: Path) -> str:
    """The file's name without folder and NIfTI suffix.

    Raises:
        InputError: The file does not end in ``.nii`` or ``.nii.gz``.
    """
    for suffix in SUFFIXES:
        if path.name.endswith(suffix) and path.name != suffix:
            return path.name.removesuffix(suffix)
    raise InputError(f"{path} is not a NIfTI file; expected a name that ends in .nii or .nii.gz.")


def list_volumes(folder: Path) -> dict[str, Path]:
    """Map case id to file for the NIfTI files directly in ``folder``, sorted, hidden ones left out.

    Raises:
        InputError: It is no folder, holds no NIfTI file, or two files have one case id.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one that holds .nii or .nii.gz files.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.name.endswith(SUFFIXES):
            continue
        if (name := case_id(path)) in found:
            raise InputError(f"{found[name]} and {path} have the same case id {name!r}; keep one of them.")
        found[name] = path
    if not found:
        raise InputError(f"{folder} holds no .nii or .nii.gz file; give the folder that holds the volumes.")
    return found

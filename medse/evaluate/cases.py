"""Which files belong to which case: references and their predictions, and the list of cases to score."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from medse.errors import InputError, count, some
from medse.evaluate import Missing
from medse.scores.files import check_names
from medse.volumes.names import (
    PICTURES,
    case_id,
    check_id,
    list_folder,
    list_volumes,
    suffix_of,
)
from medse.volumes.patterns import CASE, NamePattern, find_volumes

FOREGROUND = "foreground"
"""Class of a binary mask that nothing names."""
SEGMENTATIONS = "segmentations"
"""Folder of a case that holds its masks, where there is one; what lies beside it is left out."""


@dataclass(frozen=True)
class CaseFiles:
    """Where a case lies.

    Attributes:
        reference: A label map, or a folder with a binary mask per class.
        prediction: The same; None where it is missing and counts as empty.
        absent_masks_empty: Whether masks that the folder of the prediction lacks count as empty.
    """

    case: str
    reference: Path
    prediction: Path | None
    absent_masks_empty: bool = False


def find_cases(
    references: Path, predictions: Path, only: Collection[str] | None, *, missing: Missing
) -> list[CaseFiles]:
    """Pair references with predictions by their case id.

    Args:
        references: A folder of label maps in any format; a pattern (``labels/{case}_seg.nii.gz``,
            ``{case}/seg.nii.gz``, or of folders of masks, ``{case}/masks``); a folder with a folder of binary masks
            per case; or one label map.
        predictions: The same; two single files are a pair whatever their names.
        only: Case ids to keep; without it every prediction must have its reference.
        missing: What a missing prediction is: an error, or empty.

    Returns:
        The cases, sorted by id.

    Raises:
        InputError: A file is missing, extra or cannot be listed, a case id cannot stand in a table, or one path is a
            file and the other is not.
    """
    if references.is_file() != predictions.is_file():
        one, other = (references, predictions) if references.is_file() else (predictions, references)
        raise InputError(f"{one} is a file and {other} is not; give two files or two folders.")
    if references.is_file():
        case_id(predictions)
        expected = {case_id(references): references}
        found = {case_id(references): predictions}
    else:
        expected, found = _list(references), _list(predictions)
    cases = [case for case in expected if only is None or case in only]
    if unknown := [case for case in only or () if case not in expected]:
        raise InputError(
            f"{references} has no file for {len(unknown)} of the chosen cases: {some(unknown)}; correct the list "
            "of cases or add the files."
        )
    check_names(cases, "case")
    for case in cases:
        check_id(case, str(expected[case]))
    extra = [_name(case, found[case]) for case in found if case not in expected and only is None]
    without = count(extra, "prediction", "predictions") + " without a reference"
    but = f" (but {without}: {some(extra)})" if extra else ""
    lacking = [case for case in cases if case not in found]
    if like_images := [found[f"{case}_0000"].name for case in lacking if f"{case}_0000" in found]:
        raise InputError(
            f"{predictions} has {count(like_images, 'prediction', 'predictions')} named as the images of nnU-Net: "
            f"{some(like_images)}; a prediction is named after its reference; rename them without _0000."
        )
    absent = [_name(case, expected[case]) for case in lacking]
    if absent and missing == "error":
        raise InputError(
            f"{predictions} has no prediction for {len(absent)} of {len(cases)} references: {some(absent)}{but}; "
            "predict these cases too, name those to score with --cases, or score them as 0 with --missing worst."
        )
    if len(absent) == len(cases):
        raise InputError(
            f"{predictions} has no prediction of any of {len(cases)} references: {some(absent)}{but}; at least "
            "one is expected; give the folder with the predictions."
        )
    if extra:
        raise InputError(
            f"{predictions} has {without}: {some(extra)}; remove them, or name the cases to score with --cases."
        )
    return [CaseFiles(case, expected[case], found.get(case), missing == "worst") for case in cases]


def find_mask_names(cases: Sequence[CaseFiles], *, binary: bool = False) -> tuple[str, ...] | None:
    """Return the classes that any reference has a mask of, sorted; None where references are label maps.

    Args:
        binary: Whether a label map is a mask as well: that of the class ``foreground`` unless a file is named.
    """
    folders = [files.reference for files in cases if files.reference.is_dir()]
    names = tuple(sorted({name for folder in folders for name in list_volumes(folder)}))
    return names or ((FOREGROUND,) if binary else None)


def read_case_list(path: Path) -> dict[str, str]:
    """Read case ids, one per line, each optionally with its group (patient) after a tab; blank lines are skipped.

    Returns:
        Case id to group, which is the case id where none is given.

    Raises:
        InputError: The file cannot be read, has a third column, names a case twice, or names none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); give a text file with one case id per line."
        ) from error
    lines = [line for line in lines if line.strip()]
    entries = [line.partition("\t") for line in lines]
    cases = [case.strip() for case, _, _ in entries]
    if not all(cases):
        raise InputError(f"{path} has a group without a case; write the case id, a tab and its group.")
    if further := [line for line, (_, _, group) in zip(lines, entries, strict=True) if "\t" in group.strip()]:
        raise InputError(
            f"{path} has a line with more than two columns: {further[0]!r}; write the case id, a tab and its group."
        )
    if not cases:
        raise InputError(f"{path} names no case; write one case id per line.")
    if repeated := [case for case, times in Counter(cases).items() if times > 1]:
        raise InputError(
            f"{path} names {count(repeated, 'case', 'cases')} more than once: {some(repeated)}; keep one line each."
        )
    return {case: group.strip() or case for case, (_, _, group) in zip(cases, entries, strict=True)}


def shown_name(where: Path) -> str:
    """Return what is called by its name in a report: the last part of a path, of a pattern the part with the case."""
    return NamePattern.of(Path(), str(where)).inner if CASE in str(where) else where.resolve().name


def hidden_part(where: Path) -> Path:
    """Return the part of a path that stays out of a report: the folder in which :func:`shown_name` lies."""
    return NamePattern.of(Path(), str(where)).folder if CASE in str(where) else where.parent


def _list(where: Path) -> dict[str, Path]:
    if where.is_dir():
        found = _mask_folders(where)
    elif CASE in str(where) and not suffix_of(where):
        folders = NamePattern.of(Path(), str(where)).files()
        found = {case: path for case, path in folders if path.is_dir() and _kinds(path)}
        if not found:
            raise InputError(
                f"No folder of masks fits {where}; a pattern ends in the name of a file or of a folder that holds "
                "masks; correct it."
            )
    else:
        found = {}
    return found or find_volumes(where)


def _mask_folders(root: Path) -> dict[str, Path]:
    """Map case id to the folder with its masks, sorted; none where volumes lie directly in ``root``.

    Pictures in ``root`` are no volumes if the folders in it hold others.
    """
    direct = _kinds(root)
    if False in direct:
        return {}
    folders = {path.name: path for path in list_folder(root) if path.is_dir()}
    inner = {case: path / SEGMENTATIONS for case, path in folders.items()}
    masks = {case: inner[case] if inner[case].is_dir() else path for case, path in folders.items()}
    found = {case: path for case, path in masks.items() if _kinds(path)}
    return {case: path for case, path in found.items() if not direct or False in _kinds(path)}


def _kinds(folder: Path) -> set[bool]:
    """Return whether the volumes in ``folder`` are pictures: of both kinds, of one, or none."""
    return {suffix_of(path) in PICTURES for path in list_folder(folder) if suffix_of(path) and path.is_file()}


def _name(case: str, path: Path) -> str:
    return path.name if path.is_file() and case in path.name else case

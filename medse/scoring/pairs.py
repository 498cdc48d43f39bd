"""Which prediction belongs to which reference."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from medse.errors import InputError
from medse.grid import Grid, check_same_grid
from medse.metrics.overlap import LabelArray
from medse.volumes.name_patterns import find_volumes
from medse.volumes.names import case_id
from medse.volumes.reading import read_label_map

SHOWN = 5
"""How many names a message lists before it only counts."""


def find_pairs(
    references: Path, predictions: Path, only: Collection[str] | None = None
) -> dict[str, tuple[Path, Path]]:
    """Map case id to its reference and prediction file.

    Args:
        references: A folder of label maps in any format, a pattern in one (``labels/{case}_seg.nii.gz``), or one
            file.
        predictions: The same; two single files are a pair whatever their names.
        only: Case ids to keep; without it both folders must hold exactly the same cases.

    Raises:
        InputError: A file is missing, extra or cannot be listed, or one path is a file and the other is not.
    """
    if references.is_file() != predictions.is_file():
        one, other = (references, predictions) if references.is_file() else (predictions, references)
        raise InputError(f"{one} is a file and {other} is not; give two files or two folders.")
    if references.is_file():
        case_id(predictions)
        expected = {case_id(references): references}
        found = {case_id(references): predictions}
    else:
        expected, found = find_volumes(references), find_volumes(predictions)
    cases = list(expected) if only is None else [case for case in expected if case in set(only)]
    if unknown := [case for case in only or () if case not in expected]:
        raise InputError(
            f"{references} has no file for {_count(unknown, 'of the chosen cases')}: {_some(unknown)}; "
            "correct the list of cases or add the files."
        )
    if missing := [expected[case].name for case in cases if case not in found]:
        raise InputError(
            f"{predictions} has no prediction for {_count(missing, f'of {len(cases)} references')}: "
            f"{_some(missing)}; predict these cases too, or name the cases to score with --cases."
        )
    if extra := [found[case].name for case in found if case not in expected and only is None]:
        raise InputError(
            f"{predictions} has {_count(extra, 'files without a reference')}: {_some(extra)}; "
            "remove them, or name the cases to score with --cases."
        )
    return {case: (expected[case], found[case]) for case in cases}


def read_pair(
    reference: Path, prediction: Path, *, copy_affine: bool = False
) -> tuple[LabelArray, LabelArray, Grid, bool]:
    """Read two label maps as ``(X, Y, Z)`` on their common grid, the reference's.

    Args:
        reference: Label map.
        prediction: Label map.
        copy_affine: Let the prediction take the affine of the reference.

    Returns:
        Both label maps, their grid, and whether ``copy_affine`` was needed.

    Raises:
        InputError: One cannot be read, or they lie on different grids.
    """
    first, grid = read_label_map(reference)
    second, other = read_label_map(prediction)
    fixed = check_same_grid(grid, other, copy_affine=copy_affine)
    return first, second, grid, fixed


def read_case_list(path: Path) -> dict[str, str]:
    """Read case ids, one per line, each optionally with its group (patient) after a tab; blank lines are skipped.

    Returns:
        Case id to group, which is the case id where none is given.

    Raises:
        InputError: The file cannot be read, names a case twice, or names none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); give a text file with one case id per line."
        ) from error
    entries = [line.partition("\t") for line in lines if line.strip()]
    cases = [case.strip() for case, _, _ in entries]
    if not cases:
        raise InputError(f"{path} names no case; write one case id per line.")
    if repeated := [case for case, times in Counter(cases).items() if times > 1]:
        raise InputError(
            f"{path} names {_count(repeated, 'cases')} more than once: {_some(repeated)}; keep one each."
        )
    return {case: group.strip() or case for case, (_, _, group) in zip(cases, entries, strict=True)}


def _count(names: list[str], noun: str) -> str:
    return f"{len(names)} {noun}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

"""Which prediction belongs to which reference."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from medse.errors import InputError, count, some
from medse.evaluate.case_maps import CaseFiles
from medse.evaluate.mask_files import find_mask_folders
from medse.scores.names import check_names
from medse.volumes.name_patterns import find_volumes
from medse.volumes.names import case_id


def find_cases(
    references: Path,
    predictions: Path,
    only: Collection[str] | None,
    *,
    missing: Literal["error", "worst"],
) -> list[CaseFiles]:
    """Pair references with predictions by their case id.

    Args:
        references: A folder of label maps in any format; a pattern in one (``labels/{case}_seg.nii.gz``); a folder
            with a folder of binary masks per case; or one label map.
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
    extra = [_name(case, found[case]) for case in found if case not in expected and only is None]
    without = count(extra, "prediction", "predictions") + " without a reference"
    but = f" (but {without}: {some(extra)})" if extra else ""
    absent = [_name(case, expected[case]) for case in cases if case not in found]
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


def _list(where: Path) -> dict[str, Path]:
    return (find_mask_folders(where) if where.is_dir() else {}) or find_volumes(where)


def _name(case: str, path: Path) -> str:
    return case if path.is_dir() else path.name

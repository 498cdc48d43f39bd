"""The file that lists the cases to score."""

from collections import Counter
from pathlib import Path

from medse.errors import InputError, count, some


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

"""Many cases, here and in other processes: the same order, and errors that stay with their case."""

import os
from pathlib import Path

import pytest

from medse.errors import InputError
from medse.evaluate import running
from medse.evaluate.cases import CaseFiles
from medse.evaluate.running import each_case

CASES = [CaseFiles(name, Path(name), None) for name in ("a", "bad", "c", "d", "e")]


def work(files: CaseFiles) -> tuple[str, int]:
    if files.case == "bad":
        raise InputError("bad.nii cannot be read; this is no image; give one.")
    return files.case.upper(), os.getpid()


def broken(files: CaseFiles) -> None:
    raise ZeroDivisionError(files.case)


@pytest.mark.parametrize("processes", [1, 2])
def test_all_cases_in_order(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "WORTH_SECONDS", 0.0)
    found = list(each_case(work, CASES, processes))
    assert [case for case, _ in found] == ["a", "bad", "c", "d", "e"]
    assert isinstance(found[1][1], InputError)
    assert str(found[1][1]).startswith("bad.nii cannot be read")
    results = [result for _, result in found if not isinstance(result, InputError)]
    assert [name for name, _ in results] == ["A", "C", "D", "E"]
    elsewhere = {process for _, process in results[1:]} - {os.getpid()}
    assert bool(elsewhere) == (processes == 2)
    assert results[0][1] == os.getpid()


def test_quick_work_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ProcessPoolExecutor", None)
    assert len(list(each_case(work, CASES, 8))) == 5
    assert list(each_case(work, [], 8)) == []


def test_only_bad_input_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the program is no unreadable case."""
    with pytest.raises(ZeroDivisionError):
        list(each_case(broken, CASES, 1))


def ended(files: CaseFiles) -> str:
    if files.case != "a":
        os._exit(9)
    return files.case


def test_a_process_that_the_system_ends_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "WORTH_SECONDS", 0.0)
    with pytest.raises(InputError, match=r"2 processes .* ended by the system.*; .*--processes\.$"):
        list(each_case(ended, CASES, 2))

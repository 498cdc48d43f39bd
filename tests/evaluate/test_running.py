"""Many cases, here and in other processes: the same order, and errors that stay with their case."""

import os
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medse import machine
from medse.errors import InputError
from medse.evaluate import running
from medse.evaluate.cases import CaseFiles
from medse.evaluate.running import each_case, fitting_processes

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
    if files.case == "bad":
        os._exit(9)
    return files.case


def test_a_process_that_the_system_ends_costs_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "WORTH_SECONDS", 0.0)
    found = dict(each_case(ended, CASES[:4], 2))
    error = found.pop("bad")
    assert isinstance(error, InputError)
    assert re.match(r"bad could not be scored: the system ended .*memory.*; crop it", str(error))
    assert found == {"a": "a", "c": "c", "d": "d"}


def greedy(files: CaseFiles) -> str:
    if files.case == "bad":
        np.empty(1 << 60, np.uint8)
    return files.case


def test_a_case_for_which_there_is_no_memory_costs_that_case() -> None:
    found = dict(each_case(greedy, CASES[:3], 1))
    assert "bad takes more memory than there is" in str(found.pop("bad"))
    assert found == {"a": "a", "c": "c"}


def test_there_are_no_more_processes_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = []
    for name, side in (("small", 10), ("large", 100)):
        nib.save(nib.Nifti1Image(np.zeros((side, side, side), np.uint8), np.eye(4)), tmp_path / f"{name}.nii")
        cases.append(CaseFiles(name, tmp_path / f"{name}.nii", None))
    cases.append(CaseFiles("gone", tmp_path / "gone.nii", None))
    for free, processes in ((10**9, 5), (400_000_000, 2), (10**6, 1), (10**11, 8)):
        monkeypatch.setattr(machine, "available_memory", lambda free=free: free)
        assert fitting_processes(cases, 8) == processes

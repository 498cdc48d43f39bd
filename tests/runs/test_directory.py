"""The files of a run that are missing or damaged."""

from pathlib import Path

import pytest

from medse.errors import InputError
from medse.runs.directory import RunDir


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (RunDir.read_dataset, "dataset.json"),
        (RunDir.read_fingerprint, "provenance.json"),
        (RunDir.read_identity, "provenance.json"),
        (RunDir.read_fold, "splits.json"),
    ],
)
def test_a_missing_file_of_a_run_is_named_and_no_data_set_is_asked_for(
    tmp_path: Path, read: object, name: str
) -> None:
    with pytest.raises(
        InputError,
        match=f"{name} does not exist; train again with another run folder .--run., or restore the file",
    ) as caught:
        read(RunDir(tmp_path))  # type: ignore[operator]
    assert "MSD" not in str(caught.value)
    (tmp_path / name).write_text('{"labels": {"a": 1}}')
    if name != "provenance.json":
        with pytest.raises(
            InputError, match=f"{name} .*; train again with another run folder .--run., or restore the file"
        ):
            read(RunDir(tmp_path))  # type: ignore[operator]

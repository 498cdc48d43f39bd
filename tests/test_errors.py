"""Collecting refusals."""

import pytest

from medse.errors import SHOWN, InputError, Refusals, count, some


def test_refusals_are_kept_and_faults_are_not() -> None:
    refused = Refusals()
    refused.raise_any()
    for sentence in ("b; c.", "a; c.", "b; c."):
        with refused:
            raise InputError(sentence)
    with pytest.raises(ZeroDivisionError), refused:
        _ = 1 / 0
    with pytest.raises(InputError) as found:
        refused.raise_any()
    assert str(found.value) == "b; c.\na; c."


def test_many_are_counted() -> None:
    refused = Refusals()
    refused.sentences = [f"{number}; x." for number in range(SHOWN + 3)]
    with pytest.raises(InputError) as found:
        refused.raise_any()
    lines = str(found.value).split("\n")
    assert len(lines) == SHOWN + 1
    assert lines[-1] == "and 3 more of the kind."


def test_what_is_said_of_several_files_is_said_once() -> None:
    refused = Refusals()
    named = [f"my scans/{name}.nii.gz is no label map: JPEG; save it." for name in "abcdefgh"]
    refused.sentences = [
        named[0],
        "x.nii holds 3 NaN; replace them.",
        *named[1:],
        "y.nii holds 5 NaN; replace them.",
    ]
    with pytest.raises(InputError) as found:
        refused.raise_any()
    first, *others = str(found.value).split("\n")
    assert first.startswith("my scans/a.nii.gz is no label map: JPEG; save it; ")
    assert first.endswith(
        "7 more: " + ", ".join(f"my scans/{name}.nii.gz" for name in "bcdef") + " and 2 more."
    )
    assert others == ["x.nii holds 3 NaN; replace them.", "y.nii holds 5 NaN; replace them."]


def test_first_few_and_how_many_more() -> None:
    assert some("cab") == "c, a, b"
    assert some(set("cab")) == "a, b, c"
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
    assert some(()) == "none"
    assert (count("a", "file", "files"), count("ab", "file", "files")) == ("1 file", "2 files")

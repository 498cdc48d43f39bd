"""Pairing files: nothing is skipped silently."""

import pytest

from medse.errors import InputError
from medse.scoring.pairs import find_pairs, read_case_list


def folder(path, *names):
    path.mkdir()
    for name in names:
        (path / name).touch()
    return path


def test_pairs_by_case_whatever_the_suffix(tmp_path):
    references = folder(tmp_path / "r", "a.nii.gz", "b.nii")
    predictions = folder(tmp_path / "p", "b.nii.gz", "a.nii.gz", ".hidden.nii", "notes.txt")
    assert find_pairs(references, predictions) == {
        "a": (references / "a.nii.gz", predictions / "a.nii.gz"),
        "b": (references / "b.nii", predictions / "b.nii.gz"),
    }


def test_missing_predictions_are_named_and_counted(tmp_path):
    references = folder(tmp_path / "r", *(f"case{k}.nii" for k in range(9)))
    predictions = folder(tmp_path / "p", "case0.nii")
    with pytest.raises(InputError) as caught:
        find_pairs(references, predictions)
    message = str(caught.value)
    assert "8 of 9 references" in message
    assert "case1.nii, case2.nii, case3.nii, case4.nii, case5.nii and 3 more" in message
    assert str(predictions) in message


def test_extra_predictions_are_named(tmp_path):
    references, predictions = folder(tmp_path / "r", "a.nii"), folder(tmp_path / "p", "a.nii", "z.nii")
    with pytest.raises(InputError, match=r"1 files without a reference: z\.nii; remove"):
        find_pairs(references, predictions)


def test_chosen_cases_need_no_others(tmp_path):
    references = folder(tmp_path / "r", "a.nii", "b.nii", "c.nii")
    predictions = folder(tmp_path / "p", "b.nii", "z.nii")
    assert list(find_pairs(references, predictions, ("b",))) == ["b"]
    with pytest.raises(InputError, match=r"no prediction for 1 of 2 references: c\.nii"):
        find_pairs(references, predictions, ("b", "c"))
    with pytest.raises(InputError, match="no file for 2 of the chosen cases: y, z; correct"):
        find_pairs(references, predictions, ("b", "y", "z"))


def test_two_files_are_a_pair(tmp_path):
    both = folder(tmp_path / "x", "truth.nii.gz", "guess.nii")
    assert find_pairs(both / "truth.nii.gz", both / "guess.nii") == {
        "truth": (both / "truth.nii.gz", both / "guess.nii")
    }


def test_a_file_and_a_folder_are_refused(tmp_path):
    both = folder(tmp_path / "x", "truth.nii.gz")
    with pytest.raises(
        InputError, match=r"truth\.nii\.gz is a file and .*x is not; give two files or two folders"
    ):
        find_pairs(both, both / "truth.nii.gz")


def test_case_list(tmp_path):
    path = tmp_path / "cases.txt"
    path.write_text("\nb\n  a \r\n\nc d\tpatient 1\n", encoding="utf-8")
    assert read_case_list(path) == {"b": "b", "a": "a", "c d": "patient 1"}


@pytest.mark.parametrize(
    ("text", "said"), [("a\nb\na\n", "1 cases more than once: a;"), ("\n \n", "names no case")]
)
def test_case_list_is_checked(tmp_path, text, said):
    path = tmp_path / "cases.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_case_list(path)


def test_missing_case_list(tmp_path):
    with pytest.raises(InputError, match="one case id per line"):
        read_case_list(tmp_path / "absent.txt")

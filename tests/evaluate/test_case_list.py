"""The list of cases to score."""

import pytest

from medse.errors import InputError
from medse.evaluate.cases import read_case_list


def test_ids_and_groups(tmp_path):
    path = tmp_path / "cases.txt"
    path.write_text("\nb\n  a \r\n\nc d\tpatient 1\nü\t\n", encoding="utf-8-sig")
    assert read_case_list(path) == {"b": "b", "a": "a", "c d": "patient 1", "ü": "ü"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\nb\na\n", r"names 1 case more than once: a; keep"),
        (b"a\nb\na\nb\n", r"names 2 cases more than once: a, b; keep"),
        (b"\n \n", "names no case; write"),
        (b"a\n\tpatient 1\n", "a group without a case; write"),
        (b"\xff\xfea", "one case id per line"),
        (None, "one case id per line"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, said):
    path = tmp_path / "cases.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"cases\.txt.*{said}"):
        read_case_list(path)

"""What ``evaluate`` is asked for: a section of a file, overrides and names of conventions."""

from pathlib import Path
from typing import get_args

import pytest

from medse.config.scoring import read_asked
from medse.config.sections import Evaluation
from medse.errors import InputError
from medse.metrics.conventions import ConventionName

SECTION = """\
evaluation:
  tolerance_mm: {liver: 2, kidneys: 1.5}
  merged:
    kidneys: [kidney_left, kidney_right]
  lesions: [tumour]
  unit: group
"""
EVERY = get_args(ConventionName)


@pytest.fixture
def section(tmp_path: Path) -> Path:
    path = tmp_path / "scores.yaml"
    path.write_text(SECTION)
    return path


def test_nothing_asked_is_the_default() -> None:
    assert read_asked(None, [], None) == Evaluation()


def test_a_file_with_this_section_alone(section: Path) -> None:
    assert read_asked(section, [], None) == Evaluation(
        tolerance_mm={"liver": 2, "kidneys": 1.5},
        merged={"kidneys": ("kidney_left", "kidney_right")},
        lesions=("tumour",),
        unit="group",
    )


def test_of_a_training_configuration_only_this_section(tiny_config: Path) -> None:
    assert read_asked(tiny_config, [], None) == Evaluation()
    tiny_config.write_text(tiny_config.read_text() + SECTION.replace("unit: group", "convention: monai"))
    assert read_asked(tiny_config, [], None).convention == "monai"


def test_packaged_configurations_are_found() -> None:
    assert isinstance(read_asked(Path("quickstart.yaml"), [], None), Evaluation)


def test_overrides_replace_single_values(section: Path) -> None:
    overrides = ["evaluation.unit=case", "evaluation.tolerance_mm.liver=3", "evaluation.lesion_iou=0.5"]
    found = read_asked(section, overrides, None)
    assert (found.unit, found.lesion_iou, found.lesions) == ("case", 0.5, ("tumour",))
    assert found.tolerance_mm == {"liver": 3, "kidneys": 1.5}
    without = read_asked(None, ["evaluation.tolerance_mm=2", "evaluation.merged={a: [b, c]}"], None)
    assert (without.tolerance_mm, without.merged) == (2, {"a": ("b", "c")})


@pytest.mark.parametrize(
    ("given", "convention", "beside"),
    [
        ("all", "medse", [name for name in EVERY if name != "medse"]),
        ("monai", "monai", []),
        ("monai,medpy", "monai", ["medpy"]),
        ("brats2023, medse ,nnunet", "brats2023", ["medse", "nnunet"]),
        ("medpy,monai,medpy", "medpy", ["monai"]),
    ],
)
def test_conventions_by_name(given: str, convention: str, beside: list[str]) -> None:
    found = read_asked(None, ["evaluation.tolerance_mm=1", "evaluation.beside=[nnunet]"], given)
    assert (found.convention, list(found.beside), found.tolerance_mm) == (convention, beside, 1)


def test_all_stand_beside_the_one_of_the_file() -> None:
    found = read_asked(None, ["evaluation.convention=medpy"], "all")
    assert found.convention == "medpy"
    assert {found.convention, *found.beside} == set(EVERY)
    assert len(found.beside) == len(EVERY) - 1


@pytest.mark.parametrize("given", ["monay", "medse,monay", "medse,all", "", "medse,"])
def test_unknown_conventions_are_refused(given: str) -> None:
    with pytest.raises(InputError, match="Unknown convention '.*available: brats2023, deepmind") as caught:
        read_asked(None, [], given)
    assert ("did you mean 'monai'?" in str(caught.value)) == ("monay" in given)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("tolerance_mm", "tolerance", "line 2: evaluation.tolerance = ", "did you mean 'tolerance_mm'"),
        ("liver: 2", "liver: -2", "line 2: evaluation.tolerance_mm.liver = -2", ">= 0"),
        ("[tumour]", "tumour", "line 5: evaluation.lesions = 'tumour'", "list"),
        ("group", "groups", "line 6: evaluation.unit: ", "did you mean 'group'"),
        ("unit: group", "lesion_iou: 0", "line 6: evaluation.lesion_iou = 0", "> 0 and <= 1"),
        ("[tumour]", "[a, b, a]", "line 5: evaluation.lesions = ", "'a' twice"),
        ("[kidney_left, kidney_right]", "[]", "line 4: evaluation.merged.kidneys = []", "1 or more"),
        ("unit: group", "classes: []", "line 6: evaluation.classes = []", "1 or more"),
        ("unit: group", "beside: [medse]", "line 1: evaluation: medse", "beside itself"),
        ("evaluation:", "evalution:", "no section evaluation", "did you mean 'evalution'"),
    ],
)  # fmt: skip
def test_mistakes_name_their_line(section: Path, old: str, new: str, place: str, words: str) -> None:
    section.write_text(SECTION.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_asked(section, [], None)
    message = str(caught.value)
    assert message.startswith(str(section))
    assert place in message
    assert words in message


def test_mistakes_in_overrides() -> None:
    with pytest.raises(InputError, match="The command line, override .*did you mean 'tolerance_mm'"):
        read_asked(None, ["evaluation.tolerence_mm=1"], None)


@pytest.mark.parametrize("override", ["evalution.unit=group", "data.root=x"])
def test_an_override_of_another_section_is_refused(override: str) -> None:
    """It would do nothing here."""
    with pytest.raises(InputError, match=override):
        read_asked(None, [override], None)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_asked(tmp_path / "gone.yaml", [], None)

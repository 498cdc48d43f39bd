"""The data section of the real configuration: what it takes, what it writes and how its mistakes read."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medse.config.run import dump_config, load_config, options
from medse.config.scoring import Scoring
from medse.config.strict_yaml import read_yaml
from medse.config.validation import validate
from medse.errors import InputError

TEXT = """\
data:
  root: somewhere
  format: {format}
  patch_size: [32, 32]
net: {{name: unet, channels: [8, 16]}}
loss: {{name: dice_ce}}
optimizer: {{name: adamw, lr: 1e-3}}
trainer: {{max_epochs: 1}}
"""


def write(folder: Path, format: str = "msd") -> Path:
    path = folder / "x.yaml"
    path.write_text(TEXT.format(format=format), encoding="utf-8")
    return path


def refusal(folder: Path, *overrides: str, format: str = "msd") -> str:
    with pytest.raises(InputError) as caught:
        load_config(write(folder, format), overrides)
    return str(caught.value).removeprefix(f"{folder / 'x.yaml'}, ")


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("msd", {}),
        ("{name: nnunet}", {}),
        (
            "folders",
            {"images": ("images/{case}.nii.gz",), "label": "labels/{case}.nii.gz", "channels": None},
        ),
        (
            "{name: csv, images: [a, b], stratum: c}",
            {
                "file": "cases.csv",
                "images": ("a", "b"),
                "label": "label",
                "group": "group",
                "split": "split",
                "stratum": "c",
                "case": "case",
                "channels": None,
            },
        ),
    ],
)
def test_options_of_a_format_reach_its_reader(
    tmp_path: Path, format: str, expected: dict[str, object]
) -> None:
    config = load_config(write(tmp_path, format))
    assert options(config.data.format) == expected
    (tmp_path / "x.yaml").write_text(dump_config(config))
    assert load_config(tmp_path / "x.yaml") == config


def test_the_default_format_is_a_section_as_well(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text().replace("  format: msd\n", ""))
    assert load_config(path).data.format.name == "msd"
    chosen = load_config(path, ["data.format.name=csv", "data.format.label=mask"]).data.format
    assert options(chosen)["label"] == "mask"


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).filter(
    lambda name: name == name.strip() and name.casefold() not in ("background", "ignore")
)


@settings(deadline=None, max_examples=50)
@given(st.lists(NAMES, unique=True, min_size=1, max_size=4), st.data())
def test_labels_survive_writing_and_scoring(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject
) -> None:
    values = data.draw(st.permutations(range(1, 3 * len(names) + 1)))
    labels = {
        name: values[3 * i] if data.draw(st.booleans()) else values[3 * i : 3 * i + 2]
        for i, name in enumerate(names)
    }
    folder = tmp_path_factory.getbasetemp()
    start = load_config(write(folder))
    config = start.model_copy(update={"data": start.data.model_copy(update={"labels": labels})})
    (folder / "x.yaml").write_text(dump_config(config), encoding="utf-8")
    again = load_config(folder / "x.yaml")
    assert again.data.labels == labels
    assert list(again.data.labels) == names
    assert again == config
    assert validate(read_yaml(folder / "x.yaml"), Scoring).data == again.data


def test_labels_by_override(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole = load_config(path, ["data.labels={tumour: 1, left side: [3, 2]}"])
    assert whole.data.labels == {"tumour": 1, "left side": [3, 2]}
    assert load_config(path, ["data.labels.tumour=1", "data.labels.left side=[3, 2]"]) == whole
    assert load_config(path).data.labels is None


def test_spacing_has_as_many_lengths_as_the_patch(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert load_config(path, ["data.spacing_mm=[1, 2]"]).data.spacing_mm == (1.0, 2.0)
    both = load_config(path, ["data.spacing_mm=[1, 2, 3]", "data.patch_size=[8, 8, 8]"])
    assert (both.data.spacing_mm, both.data.patch_size) == ((1.0, 2.0, 3.0), (8, 8, 8))
    assert load_config(path, ["data.slice_axis=0"]).data.slice_axis == 0


@pytest.mark.parametrize(
    ("override", "key", "words"),
    [
        ("format=cvs", "format: unknown name 'cvs'", "did you mean 'csv'"),
        ("format={name: csv, lable: x}", "format.lable = 'x'", "mean 'label'? allowed: case, ch"),
        ("format={name: csv, images: x}", "format.images = 'x'", "a list of 1 or more values, each text or none"),
        ("format={name: folders, label: x.nii.gz}", "format.label = 'x.nii.gz'", "has {case} in the name"),
        ("format={name: folders, images: ['{case}/t1']}", "format.images[0] = ", "suffix of a volume"),
        ("format={name: folders, label: 'x/{case}.txt'}", "format.label = 'x/{case}.txt'", "suffix of a volume"),
        ("labels=3", "labels = 3", "each key has a whole number or a list of values, each a whole number"),
        ("labels={a: 1.0}", "labels.a = 1.0", "whole number"),
        ("labels={a: [1, x]}", "labels.a[1] = 'x'", "whole number"),
        ("labels={a: 1, b: 1}", "labels: ", "value 1 to a and b"),
        ("labels={}", "labels: ", "at least one class"),
        ("patch_size=[8]", "patch_size = [8]", "a list of 2 or 3 values, each a whole number > 0"),
        ("patch_size=[8, 0]", "patch_size[1] = 0", "whole number > 0"),
        ("spacing_mm=[1, 1, 1]", "spacing_mm = [1, 1, 1]", "as many lengths as patch_size has, 2"),
        ("slice_axis=3", "slice_axis = 3", "0, 1 or 2"),
        ("fix_geometry=copy", "fix_geometry: unknown name 'copy'", "copy-affine or none"),
        ("split=contiguos", "split: unknown name 'contiguos'", "mean 'contiguous'?"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, override: str, key: str, words: str) -> None:
    message = refusal(tmp_path, f"data.{override}")
    assert f": data.{key}" in message
    assert words in message


def test_mistakes_stand_at_their_lines(tmp_path: Path) -> None:
    assert refusal(tmp_path, format="{name: csv, fil: x}").startswith("line 3: data.format.fil = 'x'")
    message = refusal(tmp_path, "data.slice_axis=1", "data.patch_size=[8, 8, 8]")
    assert message.startswith("override 'data.slice_axis=1': data.slice_axis = 1: patch_size has 3 lengths")


def test_neither_the_sections_nor_the_readers_load_torch() -> None:
    code = "import sys, medse.config.sections, medse.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

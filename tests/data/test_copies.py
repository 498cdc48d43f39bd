"""No scan is trained on under one name and validated on under another."""

import gzip
from pathlib import Path

import pytest

from medse.config.run import load_config
from medse.data.splits import some_of
from medse.errors import InputError
from medse.runs import build
from medse.runs.provenance import digest_of
from medse.train import train_run
from tests.support.commands import medse


@pytest.fixture
def pair(tiny_config: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Images of two cases on either side of fold 0."""
    config = load_config(tiny_config)
    (split, *_) = build.folds(config, build.dataset(config.data))
    folder = tmp_path / "balls" / "imagesTr"
    return folder / f"{split.training[0]}.nii.gz", folder / f"{split.validation[0]}.nii.gz"


@pytest.mark.parametrize("packed_again", [False, True])
def test_a_copy_is_refused(
    pair: tuple[Path, Path],
    tiny_config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    packed_again: bool,
) -> None:
    one, other = pair
    content = one.read_bytes()
    other.write_bytes(gzip.compress(gzip.decompress(content), 1) if packed_again else content)
    assert (other.read_bytes() == content) != packed_again
    first, second = sorted((one, other))
    said = f"{first} and {second} are the same scan; .* remove one of the two"
    with pytest.raises(InputError, match=said):
        train_run(load_config(tiny_config), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert medse("check", tiny_config) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "same scan" in line] == [f"Error: {lines[0].removeprefix('Error: ')}"]
    assert f"{first} and {second} are the same scan" in lines[0]


def test_copies_of_one_group_may_lie_on_one_side(
    pair: tuple[Path, Path], tiny_config: Path, tmp_path: Path
) -> None:
    """Two readings of one scan: both are trained on, or both validated on."""
    one, other = pair
    other.write_bytes(one.read_bytes())
    root = tmp_path / "balls"
    names = sorted(path.name.removesuffix(".nii.gz") for path in (root / "imagesTr").iterdir())
    together = {pair[0].name, pair[1].name}
    rows = [
        f"imagesTr/{n}.nii.gz,labelsTr/{n}.nii.gz,{'p' if f'{n}.nii.gz' in together else n}" for n in names
    ]
    (root / "cases.csv").write_text("\n".join(["image,label,group", *rows]))
    labels = "data.labels={bright: 3, dim: 7}"
    train_run(load_config(tiny_config, ["data.format=csv", labels, "trainer.max_epochs=1"]), tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_cases_that_a_training_sees_follow_seed_and_fold_alone() -> None:
    names = [f"c{i}" for i in range(20)]
    assert some_of(names[::-1], None, 0, 0) == tuple(sorted(names))
    five = some_of(names, 5, 0, 0)
    assert five == some_of(names[::-1], 5, 0, 0)
    assert five == tuple(sorted(set(five)))
    assert len(five) == 5
    assert set(five) < set(some_of(names, 6, 0, 0)) < set(names)
    assert some_of(names, 99, 0, 0) == tuple(sorted(names))
    assert len({some_of(names, 5, seed, fold) for seed in range(3) for fold in range(3)}) == 9


def test_a_validation_reads_no_other_cases(tiny_config: Path, tmp_path: Path) -> None:
    """The others hold what no case may hold, and are not looked at."""
    config = load_config(tiny_config, ["trainer.validation_cases=1", "trainer.max_epochs=1"])
    (split, *_) = build.folds(config, build.dataset(config.data))
    (seen,) = some_of(split.validation, 1, config.seed, 0)
    for name in set(split.validation) - {seen}:
        (tmp_path / "balls" / "labelsTr" / f"{name}.nii.gz").write_bytes(
            (tmp_path / "balls" / "imagesTr" / f"{name}.nii.gz").read_bytes()
        )
    train_run(config, tmp_path / "run")
    assert (tmp_path / "run" / "validation_cases.txt").read_text().split() == list(split.validation)


def test_the_fingerprint_knows_which_file_is_whose(tiny_config: Path) -> None:
    cases = build.dataset(load_config(tiny_config).data).cases
    files = {case.id: (*case.images, case.label) for case in cases}
    digests = {path: bytes([i]) for i, paths in enumerate(files.values()) for path in paths}
    swapped = digests | {cases[0].label: digests[cases[1].label], cases[1].label: digests[cases[0].label]}
    assert digest_of(files, digests) == digest_of(dict(reversed(files.items())), digests)
    assert digest_of(files, digests) != digest_of(files, swapped)

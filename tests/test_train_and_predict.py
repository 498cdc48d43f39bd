"""A run from configuration to label maps, and everything it leaves behind."""

import csv
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 -- its own documentation calls it so
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms import LoadImage
from PIL import Image
from safetensors.torch import load_file

import medse
from medse.config.run import Config, load_config
from medse.data.cases import Case
from medse.data.readers.msd import read_msd
from medse.errors import InputError
from medse.predict.scans import predict_scans
from medse.train import train_run
from tests.support.commands import medse as cli


def fit(config: Path, run: Path, *overrides: str, fold: int = 0, resume: bool = False) -> Config:
    loaded = load_config(config, overrides)
    train_run(loaded, run, fold=fold, resume=resume)
    return loaded


def rows(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "log.csv").open()))


def bytes_of(cases: Sequence[Case]) -> str:
    """The fingerprint in its plainest form, file after file: runs of earlier versions are resumed with it."""
    digest = hashlib.sha256()
    for case in sorted(cases, key=lambda case: case.id):
        digest.update(case.id.encode())
        for path in (*case.images, case.label):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@pytest.fixture
def run(tiny_config: Path, tmp_path: Path) -> Path:
    fit(tiny_config, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_directory_is_complete(run: Path, tiny_config: Path) -> None:
    assert load_config(run / "config.yaml") == load_config(tiny_config)
    splits = json.loads((run / "splits.json").read_text())
    assert splits["fold"] == 0
    assert (run / "validation_cases.txt").read_text().split() == splits["folds"][0]["validation"]
    facts = json.loads((run / "dataset.json").read_text())
    assert facts["labels"] == {"background": 0, "bright": 3, "dim": 7}
    assert facts["spacing_mm"] == [1, 1, 1]
    found = json.loads((run / "provenance.json").read_text())
    assert found["versions"]["torch"] == torch.__version__
    assert found["data_sha256"] == bytes_of(read_msd(load_config(tiny_config).data.root).cases)
    log = rows(run)
    assert [row["epoch"] for row in log] == ["1", "2"]
    assert [row["step"] for row in log] == ["3", "6"]
    assert all(0 <= float(row["dice_bright"]) <= 1 for row in log)
    assert float(log[1]["lr"]) == 0
    assert not list(run.rglob(".part-*"))


def test_checkpoints_hold_tensors_and_plain_dicts_only(run: Path) -> None:
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    final = load_file(run / "model.safetensors")
    for name, tensor in final.items():
        torch.testing.assert_close(last["state_dict"][f"net.{name}"], tensor, rtol=0, atol=0)
    assert (
        torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"].keys()
        == last["state_dict"].keys()
    )


def test_the_same_seed_gives_the_same_weights(tiny_config: Path, tmp_path: Path, run: Path) -> None:
    fit(tiny_config, tmp_path / "again")
    fit(tiny_config, tmp_path / "other", "seed=1")
    first, again, other = (
        load_file(tmp_path / name / "model.safetensors") for name in ("run", "again", "other")
    )
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("run", "again")]
    assert files[0] == files[1]
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_resumed_run_ends_like_one_that_was_not_interrupted(tiny_config: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    fit(tiny_config, whole, "trainer.max_epochs=4")
    code = f"""
import signal, os
from pathlib import Path
from lightning.pytorch.callbacks import Callback
from medse.config.run import load_config
from medse.tasks.callbacks.recording import CsvLog
from medse.train import train_run
from tests.support.commands import medse as cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
before = CsvLog.on_train_epoch_start
def interrupt(self, trainer, module):
    before(self, trainer, module)
    if trainer.current_epoch == 2:
        os.kill(os.getpid(), signal.SIGINT)
CsvLog.on_train_epoch_start = interrupt
config = load_config(Path({str(tiny_config)!r}), ["trainer.max_epochs=4"])
train_run(config, Path({str(tmp_path / "parts")!r}))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert "KeyboardInterrupt" in ended.stderr, ended.stderr
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    assert len(rows(tmp_path / "parts")) == 2
    fit(tiny_config, tmp_path / "parts", "trainer.max_epochs=4", resume=True)
    keys = ("epoch", "step", "lr", "loss", "dice")
    assert [[row[k] for k in keys] for row in rows(tmp_path / "parts")] == [
        [row[k] for k in keys] for row in rows(whole)
    ]
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_time_budget_ends_the_schedule_and_validates(tiny_config: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    fit(
        tiny_config,
        tmp_path / "run",
        "trainer.max_epochs=none",
        "trainer.max_minutes=0.05",
        "trainer.steps_per_epoch=1000",
        "trainer.validate_every=9",
    )
    assert time.monotonic() - started < 60
    log = rows(tmp_path / "run")
    assert len(log) == 1
    assert float(log[0]["lr"]) < 1e-4
    assert log[0]["dice"] != ""
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_training_learns(tiny_config: Path, tmp_path: Path) -> None:
    fit(
        tiny_config,
        tmp_path / "run",
        "trainer.max_epochs=6",
        "trainer.steps_per_epoch=10",
        "optimizer.lr=1e-2",
    )
    assert float(rows(tmp_path / "run")[-1]["dice"]) > 0.8


def test_a_training_that_diverges_stops_before_it_is_saved(tiny_config: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="diverged in epoch 1: its mean loss is (nan|inf).*lower"):
        fit(tiny_config, tmp_path / "run", "optimizer.lr=1e30")
    assert not list((tmp_path / "run" / "checkpoints").glob("*"))
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_without_tensorboard_there_is_one_log(
    tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medse.tasks.tensorboard.find_spec", lambda _name: None)
    monkeypatch.chdir(tmp_path)
    fit(tiny_config, tmp_path / "run", "trainer.max_epochs=1")
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["log.csv"]
    assert not [path for path in tmp_path.rglob("*") if "events" in path.name or "lightning" in path.name]


def test_an_existing_run_is_never_overwritten(run: Path, tiny_config: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="exists and is not empty; continue that run"):
        fit(tiny_config, run)
    with pytest.raises(InputError, match=r"another configuration: net.norm \(instance then, batch now\)"):
        fit(tiny_config, run, "net.norm=batch", resume=True)
    with pytest.raises(InputError, match="validates on fold 0, not 1"):
        fit(tiny_config, run, fold=1, resume=True)
    label = tmp_path / "balls" / "labelsTr" / "ball_0.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((18, 22, 16), np.uint8), nib.load(label).affine), label)
    with pytest.raises(InputError, match=r"The data in .*balls changed since .*run was started on it"):
        fit(tiny_config, run, resume=True)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("checkpoints/last.ckpt", b"", "is damaged"),
        ("checkpoints/last.ckpt", None, "does not exist"),
        ("checkpoints/last.ckpt", b"PK\5\6" + bytes(18), "is damaged"),  # an archive that holds nothing
        ("provenance.json", b"{}", "which run"),
        ("dataset.json", b"", "JSON"),
    ],
)
def test_a_damaged_run_is_not_resumed(
    run: Path, tiny_config: Path, file: str, content: bytes | None, said: str
) -> None:
    (run / file).unlink()
    (run / "checkpoints" / "previous.ckpt").unlink()
    if content is not None:
        (run / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"{Path(file).name} .*{said}"):
        fit(tiny_config, run, "trainer.max_epochs=9", resume=True)


def test_nothing_is_written_for_data_that_cannot_be_used(tiny_config: Path, tmp_path: Path) -> None:
    image = tmp_path / "balls" / "imagesTr" / "ball_3.nii.gz"
    image.write_bytes(image.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"ball_3.nii.gz cannot be read to its end"):
        fit(tiny_config, tmp_path / "run")
    with pytest.raises(InputError, match="There is no fold 2; data.folds is 2, so give 0 to 1"):
        fit(tiny_config, tmp_path / "run", fold=2)
    with pytest.raises(InputError, match=r"\[16, 16, 8\] would work"):
        fit(tiny_config, tmp_path / "run", "data.patch_size=[15,17,8]")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(tiny_config: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'cuda' was asked for but PyTorch sees no CUDA GPU"):
        fit(tiny_config, tmp_path / "run", "trainer.device=cuda")


def test_predictions_lie_on_the_scans_grid_with_the_files_values(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "balls" / "imagesTr"
    written = predict_scans(run, [folder], tmp_path / "pred")
    assert [path.name for path in written] == sorted(path.name for path in folder.iterdir())
    loaded = medse.load_run(run)
    for path in written:
        image, found = nib.load(folder / path.name), nib.load(path)
        assert found.shape == image.shape
        np.testing.assert_array_equal(found.affine, image.affine)
        assert found.get_data_dtype() == np.uint8
        array = np.asarray(found.dataobj)
        assert set(np.unique(array)) <= {0, 3, 7}
        again = loaded.segment(folder / path.name)
        np.testing.assert_array_equal(np.asarray(again.dataobj), array)
        from_array = loaded.segment(np.asarray(image.dataobj), affine=image.affine)
        np.testing.assert_array_equal(np.asarray(from_array.dataobj), array)
        np.testing.assert_array_equal(from_array.affine, image.affine)


def test_best_weights_can_be_asked_for(run: Path, tmp_path: Path) -> None:
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    network = medse.load_run(run, weights="best").segmenter.infer.net
    torch.testing.assert_close(network.state_dict(), {k.removeprefix("net."): v for k, v in best.items()})


def test_inputs_that_cannot_be_segmented(run: Path, tmp_path: Path, make_msd: Callable[..., Path]) -> None:
    folder = tmp_path / "balls" / "imagesTr"
    out = tmp_path / "pred"
    for inputs, message in (
        ([tmp_path / "gone"], "gone does not exist"),
        ([folder, folder / "ball_0.nii.gz"], r"ball_0.nii.gz is given twice; .*leave one"),
        ([make_msd(channels=2, name="two") / "imagesTr"], r"shape \(18, 22, 16, 2\); expected a 3-D volume"),
    ):
        with pytest.raises(InputError, match=message):
            predict_scans(run, inputs, out)
        assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="exists and is not empty; give another output"):
        predict_scans(run, [folder], out)
    with pytest.raises(InputError, match="is not a run directory: it has no config.yaml"):
        predict_scans(folder, [folder], tmp_path / "p2")
    (run / "model.safetensors").unlink()
    with pytest.raises(
        InputError, match="no model.safetensors; its training is not complete; finish it"
    ) as caught:
        medse.load_run(run)
    command = str(caught.value).rpartition("finish it with medse ")[2].removesuffix(".")
    assert cli(*shlex.split(command)) == 0
    assert medse.load_run(run).channels == ("channel0",)


def test_arrays_need_their_affine(run: Path) -> None:
    loaded = medse.load_run(run)
    array = np.random.default_rng(0).normal(size=(8, 8, 8))
    with pytest.raises(InputError, match="without its affine"):
        loaded.segment(array)
    with pytest.raises(InputError, match=r"shape \(8, 8, 8, 2\); expected a 3-D volume"):
        loaded.segment(np.stack([array, array], axis=-1), affine=np.eye(4))
    for affine in (np.zeros((4, 4)), np.eye(4).astype(str), np.eye(4).astype(str).astype(object)):
        with pytest.raises(InputError, match="4x4 matrix of numbers"):
            loaded.segment(array, affine=affine)
    array[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        loaded.segment(array, affine=np.eye(4))


def test_every_way_to_give_a_scan_has_the_result_of_its_file(world: Path) -> None:
    loaded = medse.load_run(world / "run")
    path = world / "set" / "imagesTr" / "ball_0.nii.gz"
    image = nib.load(path)
    array, affine = np.asarray(image.dataobj), image.affine
    expected = loaded.segment(path)
    assert len(np.unique(expected.dataobj)) > 1
    for given in (
        image,
        nib.Nifti1Image(array, affine),
        nib.MGHImage(array, affine),
        sitk.ReadImage(str(path)),
        MetaTensor(array[None], affine=affine),
        LoadImage(ensure_channel_first=True)(path),
        [image],
        [str(path)],
        (array, affine),
        (array.astype(">f8"), affine.tolist()),
        (array[..., None], affine),
        (torch.from_numpy(array)[None], torch.from_numpy(affine)),
        ([array], affine),
        (array, torch.from_numpy(affine).requires_grad_()),
        (array, torch.from_numpy(affine).bfloat16()),
        (array, affine.astype(object)),
    ):
        found = loaded.segment(*given) if isinstance(given, tuple) else loaded.segment(given)
        np.testing.assert_array_equal(np.asarray(found.dataobj).reshape(array.shape), expected.dataobj)
        np.testing.assert_allclose(found.affine, affine, atol=1e-5)
    for wrong, said in (
        ([], "list of a scan's channels is empty"),
        (None, "given as None"),
        ("", "empty text"),
        ([image, image], "2 volumes .* were given for 1 channel; .*each scan by itself"),
        (nib.Nifti1Image(array, None), "<nibabel image> does not say where the patient's left is"),
    ):
        with pytest.raises(InputError, match=said):
            loaded.segment(wrong)


def test_predictions_never_leave_their_folder(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = tmp_path / "patient.nii.gz"
    scan.write_bytes((world / "set" / "imagesTr" / "ball_0.nii.gz").read_bytes())
    before = scan.read_bytes()
    (tmp_path / "table.csv").write_text(f"case,image\n{tmp_path / 'patient'},patient.nii.gz\n")
    assert cli("predict", world / "run", tmp_path / "table.csv", "--out", tmp_path / "lo") == 2
    for name in (f"{tmp_path / 'patient'}", "../patient", "inner/patient"):
        monkeypatch.setattr(
            "medse.predict.scans.collect_scans", lambda *_given, name=name, **_k: {name: (scan,)}
        )
        with pytest.raises(InputError, match="outside .*lo"):
            predict_scans(world / "run", scan, tmp_path / "lo")
    assert scan.read_bytes() == before
    assert not (tmp_path / "lo").exists()


def test_a_picture_is_called_a_picture(world: Path, tmp_path: Path) -> None:
    Image.fromarray(np.eye(32, dtype=np.uint8) * 200).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a.png is a picture, .*; give the scan in its original file"):
        medse.load_run(world / "run").segment(tmp_path / "a.png")


def test_several_channels_train_and_predict(
    tmp_path: Path, make_msd: Callable[..., Path], tiny_config: Path
) -> None:
    root = make_msd(channels=2, name="two")
    fit(tiny_config, tmp_path / "run", f"data.root={root}", "trainer.max_epochs=1")
    (written, *_) = predict_scans(tmp_path / "run", [root / "imagesTr"], tmp_path / "pred")
    assert nib.load(written).shape == (18, 22, 16)


@pytest.mark.skipif(os.name != "posix", reason="signals cannot be sent to a child on this system")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])  # Ctrl-C; a cluster whose time is over
def test_an_interrupted_training_says_how_to_go_on(tiny_config: Path, tmp_path: Path, number: int) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "medse", "train", tiny_config, "trainer.max_epochs=1000", "--run", run],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a background job inherits it ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (run / "checkpoints" / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"Interrupted; continue with the same command and --resume --run {run}." in stderr
    assert "Traceback" not in stderr

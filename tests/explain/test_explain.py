"""The room's main function on a classifier whose reason is known, from files to files."""

import csv
import json
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from medse.data.images.cases import ImageCase
from medse.data.images.inputs import collect_images
from medse.data.images.loading import ImageLoader
from medse.data.images.readers.table import read_image_table
from medse.errors import InputError
from medse.explain import explain_images, grad_cam, heat_maps
from medse.explain.classifier import Together
from medse.explain.explain import first_to_show
from medse.explain.faithfulness import insertion_deletion, random_order
from medse.explain.overlays import Overlay, draw_overlay
from medse.explain.pictures import picture_of
from medse.explain.result import Explained
from medse.nets import build_net
from tests.explain.planted import Run, planted_run, write_pictures

LABELS = {"s0": "square", "s1": "none", "s2": "square", "n0": "none", "n1": "none", "n2": "square"}


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    write_pictures(folder / "data", LABELS)
    cases = read_image_table(folder / "data", None).cases
    explain_images(planted_run(), cases, folder / "out", most=4)
    return folder


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as lines:
        return {row["case"]: row for row in csv.DictReader(lines)}


def test_the_table_says_what_the_net_said_and_why(explained: Path) -> None:
    rows = table(explained / "out" / "explain.csv")
    run = planted_run()
    assert [*rows] == sorted(LABELS)
    for name, row in rows.items():
        assert row["reference"] == LABELS[name]
        assert row["predicted"] == ("square" if name.startswith("s") else "none")
        case = ImageCase(name, explained / "data" / "images" / f"{name}.png", "", name)
        image = torch.as_tensor(run.loader(case)["image"])
        target = run.classes.index(row["predicted"])
        with torch.no_grad():
            expected = float(run.nets[0](image[None]).softmax(1)[0, target])
        assert float(row["probability"]) == pytest.approx(expected, rel=1e-5)
        found = insertion_deletion(
            run.nets[0], image, grad_cam(run.nets[0], image[None], [target])[0], target
        )
        assert float(row["insertion"]) == pytest.approx(found.insertion)
        assert float(row["deletion"]) == pytest.approx(found.deletion)
        order = random_order((32, 32), zlib.crc32(name.encode()))
        assert float(row["insertion_random"]) == pytest.approx(
            insertion_deletion(run.nets[0], image, order, target).insertion
        )
        if name.startswith("s"):
            assert row["hit"] == "True"
            assert float(row["inside_share"]) > 0.95
            assert float(row["area_share"]) == pytest.approx(64 / 1200, rel=0.2)
        else:
            assert (row["hit"], row["inside_share"], row["area_share"]) == ("", "", "")


def test_maps_lie_on_the_pixels_of_the_images(explained: Path) -> None:
    for name in LABELS:
        heat = np.asarray(Image.open(explained / "out" / "maps" / f"{name}.png"))
        assert (heat.shape, heat.dtype) == ((40, 30), np.uint8)
        if name.startswith("s"):
            mask = np.asarray(Image.open(explained / "data" / "masks" / f"{name}.png")) > 0
            assert heat.max() > 120
            assert heat[mask].sum() > 0.95 * heat.sum()


def test_the_most_confident_mistakes_are_drawn_first(explained: Path) -> None:
    rows = table(explained / "out" / "explain.csv")
    drawn = {path.stem for path in (explained / "out" / "overlays").iterdir()}
    right = sorted(
        (name for name in rows if name not in ("s1", "n2")), key=lambda name: float(rows[name]["probability"])
    )
    assert drawn == {"s1", "n2", *right[:2]}
    for name in drawn:
        assert min(Image.open(explained / "out" / "overlays" / f"{name}.png").size) > 300


def test_confident_mistakes_come_before_other_mistakes_and_doubtful_cases_before_clear_ones() -> None:
    zeros = dict.fromkeys(("insertion", "deletion", "insertion_random", "deletion_random"), 0.0)
    rows = [
        Explained(case=case, group=case, reference=reference, predicted="a", probability=probability, **zeros)
        for case, reference, probability in (
            ("1", "b", 0.6),
            ("2", "a", 0.9),
            ("3", "b", 0.8),
            ("4", "", 0.7),
        )
    ]
    assert [row.case for row in first_to_show(rows)] == ["3", "1", "4", "2"]


def test_means_come_with_intervals_over_groups(explained: Path) -> None:
    found = json.loads((explained / "out" / "explain.json").read_text())
    rows = table(explained / "out" / "explain.csv").values()
    assert (found["images"], found["groups"], found["mistakes"], found["outlined"]) == (6, 3, 2, 3)
    assert found["method"]["layer"] == "act"
    for name in ("insertion", "inside_share", "hit"):
        values = [
            float(row[name]) if row[name] not in ("True", "False") else row[name] == "True"
            for row in rows
            if row[name]
        ]
        assert found["scores"][name]["n"] == len(values)
        assert found["scores"][name]["mean"] == pytest.approx(np.mean(values))
    gain = [float(row["deletion_random"]) - float(row["deletion"]) for row in rows]
    assert found["scores"]["deletion_gain"]["mean"] == pytest.approx(np.mean(gain))
    assert found["scores"]["insertion"]["low_95"] <= found["scores"]["insertion"]["mean"]
    assert not (explained / "out" / "gates.csv").exists()


def test_nothing_needs_to_be_known_of_the_images(explained: Path, tmp_path: Path) -> None:
    cases = collect_images([explained / "data" / "images"])
    found = explain_images(planted_run(), cases, tmp_path / "out", most=0)
    assert (found.mistakes, found.outlined, found.groups) == (0, 0, 6)
    assert found.scores["hit"].n == 0
    assert not (tmp_path / "out" / "overlays").exists()
    known = {row["case"]: row["probability"] for row in table(explained / "out" / "explain.csv").values()}
    assert {
        row["case"]: row["probability"] for row in table(tmp_path / "out" / "explain.csv").values()
    } == known


def test_an_image_that_cannot_be_used_does_not_keep_the_others(tmp_path: Path) -> None:
    write_pictures(tmp_path / "data", LABELS)
    (tmp_path / "data" / "images" / "n1.png").write_bytes(b"no picture")
    events: list[object] = []
    with pytest.raises(InputError, match=r"n1\.png"):
        explain_images(
            planted_run(),
            read_image_table(tmp_path / "data", None).cases,
            tmp_path / "out",
            progress=events.append,
        )
    assert len(events) == 6
    assert sorted(table(tmp_path / "out" / "explain.csv")) == ["n0", "n2", "s0", "s1", "s2"]
    assert [*json.loads((tmp_path / "out" / "explain.json").read_text())["refused"]] == ["n1"]


def test_volumes_keep_their_grid(tmp_path: Path) -> None:
    volume = np.random.default_rng(0).random((20, 24, 12)) * 50
    mask = np.zeros(volume.shape, np.uint8)
    mask[9:16, 3:10, 2:9] = 1
    volume[10:15, 4:9, 3:8] = 255
    affine = np.array([[0, 2.0, 0, 5], [-2.0, 0, 0, 1], [0, 0, 2.0, 0], [0, 0, 0, 1]])
    for name, array in (("scan", volume.astype(np.float32)), ("mask", mask)):
        nib.save(nib.Nifti1Image(array, affine), tmp_path / f"{name}.nii.gz")
    case = ImageCase("scan", tmp_path / "scan.nii.gz", "square", "scan", tmp_path / "mask.nii.gz")
    found = explain_images(planted_run((24, 20, 16)), [case], tmp_path / "out")
    heat = nib.load(tmp_path / "out" / "maps" / "scan.nii.gz")
    np.testing.assert_array_equal(heat.affine, affine)
    array = np.asarray(heat.dataobj)
    assert (array.shape, array.dtype) == (volume.shape, np.uint8)
    assert array[mask == 1].sum() > 0.95 * array.sum()
    assert found.rows[0].hit
    assert found.rows[0].area_share == pytest.approx(mask.mean())
    assert (tmp_path / "out" / "overlays" / "scan.png").is_file()


@pytest.mark.parametrize("attention", ["scse", "se", {"name": "hybrid", "blocks": ["eca", "coord"]}])
def test_gates_are_drawn_and_written(attention: object, tmp_path: Path) -> None:
    write_pictures(tmp_path / "data", {"s0": "square", "n0": "none"})
    options = {
        "name": "resnetv2",
        "channels": 8,
        "blocks": [1, 1],
        "strides": [2, 1, 1, 2],
        "attention": attention,
    }
    run = Run((build_net(options, 2, 1, 2).eval(),), ImageLoader((32, 32), 1, "zscore"))
    explain_images(run, read_image_table(tmp_path / "data", None).cases, tmp_path / "out", most=2)
    with (tmp_path / "out" / "gates.csv").open(newline="") as lines:
        rows = [*csv.DictReader(lines)]
    number = 2 if isinstance(attention, dict) else 1
    assert len(rows) == number * (32 + 64)
    assert all(0 < float(row["mean"]) < 1 and float(row["sd"]) >= 0 for row in rows)
    assert len([*(tmp_path / "out" / "overlays").iterdir()]) == 2


@pytest.mark.parametrize(
    ("change", "word"), [("label", "cat"), ("empty", "No images"), ("out", "--out"), ("most", "-1")]
)
def test_what_cannot_be_explained_is_refused(change: str, word: str, tmp_path: Path) -> None:
    write_pictures(tmp_path / "data", {"s0": "cat" if change == "label" else "square", "n0": "none"})
    cases = () if change == "empty" else read_image_table(tmp_path / "data", None).cases
    out = tmp_path / "data" if change == "out" else tmp_path / "out"
    with pytest.raises(InputError, match=word):
        explain_images(planted_run(), cases, out, most=-1 if change == "most" else 3)


def test_several_networks_are_explained_together(tmp_path: Path) -> None:
    write_pictures(tmp_path / "data", {"s0": "square", "n0": "none"})
    nets = []
    for seed in range(3):
        torch.manual_seed(seed)
        nets.append(
            build_net({"name": "resnetv2", "channels": 8, "blocks": [1, 1], "strides": 2}, 2, 1, 2).eval()
        )
    run = Run(tuple(nets), ImageLoader((32, 32), 1, "zscore"), temperature=0.1)
    cases = read_image_table(tmp_path / "data", None).cases
    images = torch.as_tensor(np.stack([run.loader(case)["image"] for case in cases]))
    with torch.no_grad():
        torch.testing.assert_close(
            Together(run)(images).softmax(1).double().numpy(),
            run.probabilities([*images.numpy()]),
            atol=1e-6,
            rtol=0,
        )
    mean = sum(grad_cam(net, images, [1, 0]) for net in nets)
    expected = mean / mean.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(heat_maps(run, images, [1, 0]), expected, atol=1e-6)
    found = explain_images(run, cases, tmp_path / "out")
    for row, probabilities in zip(found.rows, run.probabilities([*images.numpy()]), strict=True):
        assert row.probability == pytest.approx(probabilities.max())
        assert row.predicted == run.classes[probabilities.argmax()]


@pytest.mark.parametrize(
    ("size", "index", "sides"), [((24, 24, 16), None, ("L", "R")), ((24, 24), 5, ("P", "A"))]
)
def test_pictures_of_patients_say_which_side_is_which(
    size: tuple[int, ...], index: int | None, sides: tuple[str, str], tmp_path: Path
) -> None:
    """A bright block on the patient's right, in front and above, in voxels of 1 x 1 x 2 mm."""
    volume = np.random.default_rng(0).random((24, 24, 12)).astype(np.float32)
    volume[2:9, 15:22, 6:12] = 50  # of LAS axes
    nib.save(nib.Nifti1Image(volume, np.diag([-1.0, 1, 2, 1])), tmp_path / "scan.nii.gz")
    run = planted_run(size)
    run.loader = ImageLoader(size, 1, "unit", slice_axis=0 if index else 2)
    overlay = picture_of(
        run, ImageCase("scan", tmp_path / "scan.nii.gz", "", "g", slice=None if index is None else 18)
    )
    assert overlay.sides == sides
    assert overlay.aspect == (1 if index is None else 2)
    rows, columns = overlay.image.shape[1:]
    assert overlay.image[0, : rows // 2, columns // 2 :].mean() > 5
    assert overlay.image[0, rows // 2 :].mean() < 3
    assert overlay.heat.shape == (rows, columns)
    peak = np.unravel_index(overlay.heat.argmax(), overlay.heat.shape)
    assert overlay.image[(0, *peak)] == 50


def test_a_map_lies_on_grey() -> None:
    colours = np.random.default_rng(0).random((3, 8, 9)).astype(np.float32)
    overlay = Overlay(colours, np.zeros((8, 9), np.float32), None, (), None, ("case",), 1.0, None)
    image, mapped, *_ = draw_overlay(overlay).axes
    assert image.images[0].get_array().shape == (8, 9, 3)
    assert mapped.images[0].get_array().shape == (8, 9)


@pytest.mark.parametrize("marked", [True, False])
def test_an_outline_on_another_slice_is_said_to_be_missing(
    marked: bool, recwarn: pytest.WarningsRecorder
) -> None:
    mask = np.zeros((8, 9), bool)
    mask[2:4, 3:6] = marked
    shown = np.ones((1, 8, 9), np.float32)
    overlay = Overlay(shown, shown[0], mask, (), None, ("case",), 1.0, None)
    image = draw_overlay(overlay).axes[0]
    assert ("no outline" in image.get_title()) is not marked
    assert bool(image.collections) is marked
    assert not recwarn

"""Classifiers from a configuration to predictions: trained, resumed, loaded, and all folds together."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from scipy.optimize import minimize
from scipy.special import softmax

import medse
from medse.config.classification import ClassificationConfig
from medse.config.run import load_config
from medse.crossvalidate import cross_validate
from medse.errors import InputError
from medse.explain import heat_maps
from medse.predict.images import predict_images
from medse.runs.classification import ClassificationTraining, classifier
from medse.runs.trained_classifier import LoadedClassifier
from medse.scores.predictions import read_predictions
from medse.tasks.callbacks.progress import ImagesValidated
from medse.train import train_run
from tests.support.commands import medse as command
from tests.support.commands import refused
from tests.support.pictures import CLASSES, write_picture_config, write_pictures


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_pictures(tmp_path_factory.mktemp("pictures"))
    write_picture_config(root / "small.yaml", root)
    return root


@pytest.fixture(scope="module")
def config(data: Path) -> ClassificationConfig:
    found = load_config(data / "small.yaml")
    assert isinstance(found, ClassificationConfig)
    return found


@pytest.fixture(scope="module")
def run(config: ClassificationConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train_run(config, folder)
    return folder


def changed(config: ClassificationConfig, section: str, **values: object) -> ClassificationConfig:
    return config.model_copy(update={section: getattr(config, section).model_copy(update=values)})


def same_weights(one: Path, other: Path) -> bool:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_same_seed_gives_the_same_weights_and_another_others(
    config: ClassificationConfig, run: Path, tmp_path: Path
) -> None:
    train_run(config, tmp_path / "again")
    assert same_weights(run, tmp_path / "again")
    train_run(config.model_copy(update={"seed": 1}), tmp_path / "other")
    assert not same_weights(run, tmp_path / "other")


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["trainer.mixup=0.4", "trainer.cutmix=1.0", "trainer.averaging=none"],
        ["net={name: mobilenetv2, width: 0.25}"],  # it has dropout
    ],
)
def test_a_resumed_training_ends_with_the_same_weights(
    data: Path, tmp_path: Path, overrides: list[str]
) -> None:
    whole = load_config(data / "small.yaml", overrides)
    train_run(whole, tmp_path / "whole")

    def interrupt(event: object) -> None:
        if (
            isinstance(event, ImagesValidated) and event.epoch == 2
        ):  # the first epoch was saved, this one was not
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train_run(whole, tmp_path / "parts", progress=interrupt)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    assert (tmp_path / "parts" / "checkpoints" / "last.ckpt").exists()
    train_run(whole, tmp_path / "parts", resume=True)
    assert same_weights(tmp_path / "whole", tmp_path / "parts")


def test_the_average_is_kept(config: ClassificationConfig, run: Path, tmp_path: Path) -> None:
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    kept = load_file(run / "model.safetensors")
    assert state["averaged.n_averaged"] == 6
    assert all(torch.equal(kept[name], state[f"averaged.module.{name}"]) for name in kept)
    assert any(not torch.equal(kept[name], state[f"net.{name}"]) for name in kept)
    train_run(changed(config, "trainer", averaging=None), tmp_path / "plain")
    plain = load_file(tmp_path / "plain" / "model.safetensors")
    assert all(torch.equal(plain[name], state[f"net.{name}"]) for name in plain)


def test_the_log_names_every_class(run: Path) -> None:
    with (run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    found = [float(rows[-1][f"sensitivity_{name}"]) for name in CLASSES]
    assert float(rows[-1]["balanced_accuracy"]) == pytest.approx(np.mean(found), abs=1e-4)


def test_a_folder_a_table_and_an_image_are_classified_alike(data: Path, run: Path, tmp_path: Path) -> None:
    predict_images(run, data, tmp_path / "all")
    predict_images(run, data / "images" / "spot00.png", tmp_path / "one")
    every, single = (read_predictions(tmp_path / name / "predictions.csv") for name in ("all", "one"))
    assert len(every.cases) == 24
    assert single.cases == ("spot00",)
    place = every.cases.index("spot00")
    np.testing.assert_allclose(single.probabilities[0], every.probabilities[place], atol=1e-5)
    loaded = medse.load_run(run)
    found = loaded.classify(data / "images" / "spot00.png")
    assert tuple(found.probabilities) == CLASSES
    np.testing.assert_allclose([*found.probabilities.values()], every.probabilities[place], atol=1e-5)
    assert found.label == every.labels[place]
    facts = json.loads((tmp_path / "all" / "prediction.json").read_text())
    assert facts["split"]["groups when dealt"] == "kept together"
    split = json.loads((run / "splits.json").read_text())["folds"][0]
    assert {case for case, seen in zip(every.cases, every.trained_on, strict=True) if seen} == set(
        split["training"]
    )


def test_mirrored_images_have_the_same_probabilities(data: Path, run: Path) -> None:
    """The network sees both sides of each image, so that it cannot tell which was given."""
    loaded = medse.load_run(run)
    assert isinstance(loaded, LoadedClassifier)
    image = loaded.loader.image(data / "images" / "spot00.png")
    given, mirrored, turned = loaded.probabilities([image, image[..., ::-1], image[:, ::-1]])
    np.testing.assert_allclose(given, mirrored, atol=1e-6)
    assert np.abs(given - turned).max() > 1e-6


def test_an_image_that_cannot_be_used_does_not_keep_others_back(
    data: Path, run: Path, tmp_path: Path
) -> None:
    spoilt = tmp_path / "spoilt.png"
    spoilt.write_bytes((data / "images" / "spot00.png").read_bytes()[:200])
    with pytest.raises(InputError, match="spoilt.png"):
        predict_images(run, [spoilt, data / "images" / "spot01.png"], tmp_path / "out")
    assert read_predictions(tmp_path / "out" / "predictions.csv").cases == ("spot01",)
    assert "spoilt" in json.loads((tmp_path / "out" / "prediction.json").read_text())["refused"]


@pytest.fixture(scope="module")
def folds(config: ClassificationConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folds") / "all"
    cross_validate(changed(config, "trainer", max_epochs=1), folder)
    return folder


def test_every_image_is_classified_by_the_run_that_did_not_see_it(data: Path, folds: Path) -> None:
    found = read_predictions(folds / "out_of_fold" / "predictions.csv")
    assert len(found.cases) == 24
    facts = json.loads((folds / "out_of_fold" / "prediction.json").read_text())
    for fold in range(3):
        split = json.loads((folds / f"fold_{fold}" / "splits.json").read_text())["folds"][fold]
        mine = {case for case, of in zip(found.cases, found.folds, strict=True) if of == str(fold)}
        assert mine == set(split["validation"])
        loaded = medse.load_run(folds / f"fold_{fold}")
        assert isinstance(loaded, LoadedClassifier)
        case = sorted(mine)[0]
        image = loaded.loader.image(data / "images" / f"{case}.png")
        expected = softmax(loaded.logits([image]) / facts["temperature_of_fold"][fold], -1).mean(0)[0]
        np.testing.assert_allclose(found.probabilities[found.cases.index(case)], expected, atol=1e-5)


def test_the_folds_together_are_the_mean_of_their_runs(data: Path, folds: Path) -> None:
    together = medse.load_run(folds)
    assert isinstance(together, LoadedClassifier)
    assert len(together.nets) == 3
    image = together.loader.image(data / "images" / "stripes10.png")
    each = [medse.load_run(folds / f"fold_{fold}") for fold in range(3)]
    mean = np.mean([softmax(one.logits([image]) / together.temperature, -1).mean(0) for one in each], 0)
    np.testing.assert_allclose(together.probabilities([image]), mean, atol=1e-6)


def test_the_temperature_is_the_most_likely_one(
    data: Path, config: ClassificationConfig, folds: Path
) -> None:
    """That of all together is fitted on every fold, that of a fold on the others."""
    training = ClassificationTraining(config)
    logits, reference = [], []
    for fold, split in enumerate(training.folds):
        loaded = medse.load_run(folds / f"fold_{fold}")
        assert isinstance(loaded, LoadedClassifier)
        cases = [training.by_id[name] for name in split.validation]
        logits.append(loaded.logits([loaded.loader(case)["image"] for case in cases]))
        reference.append([CLASSES.index(case.label) for case in cases])

    def best(chosen: list[int]) -> float:
        every = np.concatenate([logits[fold] for fold in chosen], 1)
        truth = [label for fold in chosen for label in reference[fold]]

        def loss(temperature: np.ndarray) -> float:
            found = softmax(every / temperature[0], -1).mean(0)
            return -float(np.log(found[range(len(truth)), truth]).mean())

        options = {"xatol": 1e-6, "fatol": 1e-12}
        return float(minimize(loss, [1.0], method="Nelder-Mead", bounds=[(0.05, 20)], options=options).x[0])

    together = json.loads((folds / "ensemble.json").read_text())["temperature"]
    assert together == pytest.approx(best([0, 1, 2]), rel=1e-3)
    of_fold = json.loads((folds / "out_of_fold" / "prediction.json").read_text())["temperature_of_fold"]
    assert of_fold == pytest.approx([best([1, 2]), best([0, 2]), best([0, 1])], rel=1e-3)


def test_complete_folds_stay_and_missing_ones_are_trained(
    config: ClassificationConfig, data: Path, folds: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folds, copy)
    before = (copy / "fold_1" / "model.safetensors").stat().st_mtime_ns
    shutil.rmtree(copy / "fold_2")
    short = changed(config, "trainer", max_epochs=1)
    with pytest.raises(InputError, match="--resume"):
        cross_validate(short, copy)
    with pytest.raises(InputError, match=r"seed \(0 then, 1 now\)"):
        cross_validate(short.model_copy(update={"seed": 1}), copy, resume=True)
    (copy / "ensemble.json").unlink()
    with pytest.raises(InputError, match="Not all folds"):
        predict_images(copy, [data / "images"], tmp_path / "out")
    cross_validate(changed(short, "inference", batch_size=3), copy, resume=True)
    assert (copy / "fold_1" / "model.safetensors").stat().st_mtime_ns == before
    assert same_weights(copy / "fold_2", folds / "fold_2")


def test_all_folds_are_prolonged_together(
    config: ClassificationConfig, data: Path, folds: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folds, copy)
    train_run(config, copy / "fold_1", fold=1, resume=True)  # two epochs, and the others have one
    with pytest.raises(InputError, match="fold_1 was trained since"):
        predict_images(copy, [data / "images"], tmp_path / "out")
    with pytest.raises(InputError, match="has done 2 epochs"):
        cross_validate(changed(config, "trainer", max_epochs=1), copy, resume=True)
    cross_validate(config, copy, resume=True)
    assert [len((copy / f"fold_{k}" / "log.csv").read_text().splitlines()) for k in range(3)] == [3, 3, 3]
    assert predict_images(copy, [data / "images"], tmp_path / "out").is_file()
    provenance = copy / "fold_1" / "provenance.json"
    provenance.write_text(json.dumps({**json.loads(provenance.read_text()), "resumed": [{}]}))
    with pytest.raises(InputError, match="how the run was resumed"):
        cross_validate(config, copy, resume=True)


def test_complete_folds_of_other_images_are_refused(
    config: ClassificationConfig, data: Path, folds: Path, tmp_path: Path
) -> None:
    root, copy = tmp_path / "data", tmp_path / "copy"
    shutil.copytree(data, root)
    shutil.copytree(folds, copy)
    table = root / "cases.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    short = changed(changed(config, "trainer", max_epochs=1), "data", root=root)
    with pytest.raises(InputError, match="data .* changed"):
        cross_validate(short, copy, resume=True)


def test_random_classes_keep_groups_and_counts(config: ClassificationConfig) -> None:
    given = ClassificationTraining(config)
    control = ClassificationTraining(changed(config, "data", random_labels=True))
    assert control.folds == given.folds
    assert {len({c.label for c in control.cases.cases if c.group == g}) for g in control.groups.values()} == {
        1
    }
    counts = [sorted(c.label for c in training.cases.cases) for training in (given, control)]
    assert counts[0] == counts[1]
    moved = sum(a.label != b.label for a, b in zip(given.cases.cases, control.cases.cases, strict=True))
    assert moved >= 8
    assert given.fingerprint() != control.fingerprint()


def test_outlines_need_masks(tmp_path: Path) -> None:
    root = write_pictures(tmp_path / "data", masks=False)
    config = load_config(write_picture_config(tmp_path / "small.yaml", root))
    with pytest.raises(InputError, match="outline"):
        train_run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train_run(
        load_config(tmp_path / "small.yaml", ["loss.outline=0", "trainer.max_epochs=1"]), tmp_path / "run"
    )
    assert not any("lateral" in name for name in load_file(tmp_path / "run" / "model.safetensors"))


def test_each_task_refuses_what_is_for_the_other(data: Path, run: Path, tmp_path: Path) -> None:
    loaded = medse.load_run(run)
    with pytest.raises(InputError, match="classify"):
        loaded.segment(data / "images" / "spot00.png")
    with pytest.raises(InputError, match="predict_images"):
        medse.predict_scans(run, data / "images" / "spot00.png", tmp_path / "out")


def test_the_network_is_the_same_in_onnx(data: Path, run: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    loaded = medse.load_run(run)
    assert isinstance(loaded, LoadedClassifier)
    (net,) = loaded.nets
    images = np.stack([loaded.loader.image(path) for path in sorted((data / "images").glob("*.png"))[:4]])
    file = tmp_path / "net.onnx"
    torch.onnx.export(net, (torch.from_numpy(images),), file, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: images})
    with torch.inference_mode():
        expected = net(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_heat_maps_lie_on_the_pixels_of_their_images(data: Path, run: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "zz.png"  # the last of 7, in batches of 5
    spoilt.write_bytes(b"no picture")
    images = sorted((data / "images").glob("spot*.png"))[:6]
    with pytest.raises(InputError, match="zz.png"):
        predict_images(run, [*images, spoilt], tmp_path / "out", maps=True)
    assert sorted(path.stem for path in (tmp_path / "out" / "maps").iterdir()) == [i.stem for i in images]
    loaded = medse.load_run(run)
    assert isinstance(loaded, LoadedClassifier)
    for path in images:
        with Image.open(tmp_path / "out" / "maps" / path.name) as drawn:
            heat = np.asarray(drawn)
        image = loaded.loader.image(path)[None]
        most = int(loaded.probabilities(image)[0].argmax())
        expected = heat_maps(loaded, torch.from_numpy(image), [most])[0]
        np.testing.assert_allclose(heat / 255, expected, atol=0.01)
        assert heat.max() == 255 * expected.max()


def test_an_image_that_was_trained_on_is_known_by_any_name(data: Path, run: Path, tmp_path: Path) -> None:
    split = json.loads((run / "splits.json").read_text())["folds"][0]
    (tmp_path / "new").mkdir()
    for name, cases in (("seen", split["training"]), ("new", split["validation"])):
        shutil.copy(data / "images" / f"{cases[0]}.png", tmp_path / "new" / f"{name}.png")
    predict_images(run, tmp_path / "new", tmp_path / "out")
    found = read_predictions(tmp_path / "out" / "predictions.csv")
    assert dict(zip(found.cases, found.trained_on, strict=True)) == {"new": False, "seen": True}


@pytest.mark.parametrize("part", ["training", "validation"])
def test_only_the_cases_that_are_scored_count(
    data: Path, run: Path, tmp_path: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    predict_images(run, data, tmp_path / "out")
    listed = tmp_path / "cases.txt"
    listed.write_text("\n".join(json.loads((run / "splits.json").read_text())["folds"][0][part]))
    assert command("evaluate", data, tmp_path / "out", "--out", tmp_path / "report", "--cases", listed) == 0
    split = json.loads((tmp_path / "report" / "classification.json").read_text())["split"]
    assert split["cases_trained_on"] == ("16" if part == "training" else "0")
    assert ("too good" in capsys.readouterr().out) == (part == "training")


def test_a_picture_in_memory_is_the_picture_in_its_file(data: Path, run: Path) -> None:
    loaded = medse.load_run(run)
    path = data / "images" / "stripes00.png"
    expected = [*loaded.classify(path).probabilities.values()]
    with Image.open(path) as picture:
        given = (picture.copy(), np.asarray(picture), np.dstack([np.asarray(picture)] * 3))
    for one in given:
        np.testing.assert_allclose([*loaded.classify(one).probabilities.values()], expected, atol=1e-6)
    with pytest.raises(InputError, match="rows, columns"):
        loaded.classify(np.zeros((4, 5, 6)))


def test_the_weights_of_a_run_are_not_taken_for_published_ones(data: Path, run: Path, tmp_path: Path) -> None:
    config = load_config(data / "small.yaml", [f"trainer.weights={run / 'model.safetensors'}"])
    with pytest.raises(InputError, match="of a run of medse"):
        train_run(config, tmp_path / "run")


def test_a_folder_of_runs_says_where_its_predictions_are(
    data: Path, folds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, command("evaluate", data, folds, "--out", tmp_path / "report"), "out_of_fold")
    assert command("evaluate", data, folds / "out_of_fold", "--out", tmp_path / "report") == 0
    split = json.loads((tmp_path / "report" / "classification.json").read_text())["split"]
    assert split["cases_trained_on"] == "0"
    assert "fitted on the others" in split["temperature"]


@pytest.mark.parametrize("channels", [12, 16])
def test_no_step_of_few_channels_is_computed_channels_last(
    config: ClassificationConfig, channels: int
) -> None:
    """Its gradient is wrong on some CPUs, or the training crashes, for which any one CPU is no test."""
    net = classifier(changed(config, "net", channels=channels), 1, 3)
    convolutions = [part for part in net.modules() if isinstance(part, torch.nn.Conv2d)]
    steps = [part for part in convolutions if part.kernel_size == (1, 1) and part.stride == (2, 2)]
    assert min(part.in_channels for part in steps) == channels
    wide = [part for part in convolutions if part.kernel_size == (3, 3)]
    assert {part.weight.is_contiguous() for part in wide} == {channels < 16}

"""A trained run applied to images that it gives a class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from medse.arrays import FloatArray, ImageArray
from medse.config.classification import ClassificationConfig
from medse.config.run import options
from medse.data.images.cases import ImageCase
from medse.data.images.inputs import collect_images
from medse.errors import InputError, Refusals
from medse.explain import heat_maps, write_heat_map
from medse.files import given_path, refuse_existing, write_json
from medse.registry import check_arguments
from medse.runs import Weights
from medse.runs.provenance import file_digests, image_mark
from medse.runs.trained_classifier import LoadedClassifier, load_classifier
from medse.scores.predictions import PREDICTIONS, Predictions, write_predictions
from medse.versions import installed_versions

MAPS = "maps"
"""Folder of the heat maps beside the predictions."""
PACKAGES = ("medse", "torch", "nibabel", "SimpleITK", "pillow", "numpy")


@dataclass(frozen=True)
class ImageDone:
    """An image was classified as ``label``, or could not be used; ``reason`` is then a sentence."""

    case: str
    done: int
    number: int
    label: str
    reason: str = ""


@check_arguments()
def predict_images(
    run_dir: str | Path,
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    device: str = "auto",
    weights: Weights = "final",
    maps: bool = False,
    progress: Callable[[ImageDone], object] | None = None,
) -> Path:
    """Classify images and write the probability of every class for each into ``out/predictions.csv``.

    An image that cannot be used does not keep the others from being classified.

    Args:
        run_dir: Folder that ``medse train`` made of a configuration with ``task: classification``; one of several
            folds (``--fold all``) averages what its runs say.
        inputs: Images, folders of them, or tables; see :func:`medse.data.images.inputs.collect_images`.
        out: Folder to write to; must be empty or new. ``prediction.json`` says what made the predictions.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        weights: As in :func:`medse.load_run`.
        maps: Write what of each image speaks for its class, as of :func:`medse.explain.grad_cam`, into
            ``out/maps``; the report shows it.
        progress: Called after each image.

    Returns:
        The table.

    Raises:
        InputError: The run gives no classes, an input does not exist, two images share an id, or ``out`` is not empty
            or lies in an input folder; at the end, for the images that could not be used.

    Example:
        >>> predict_images("classifier", "pictures", "classified").name
        'predictions.csv'
    """
    run_dir, out = given_path(run_dir), given_path(out)
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    sources = [given_path(path) for path in given]
    refuse_existing(out, "give another output folder (--out)", sources)
    loaded = load_classifier(run_dir, device=device, weights=weights)
    cases = collect_images(sources, **table_columns(loaded.config))
    return classify_into(out, loaded, cases, run_dir, weights, maps=maps, progress=progress)


def classify_into(
    out: Path,
    loaded: LoadedClassifier,
    cases: Sequence[ImageCase],
    run_dir: Path,
    weights: Weights = "final",
    *,
    maps: bool = False,
    progress: Callable[[ImageDone], object] | None = None,
) -> Path:
    """Classify cases and write what :func:`predict_images` writes; ``run_dir`` and ``weights`` are what was loaded.

    Raises:
        InputError: At the end, for the images that could not be used.
    """
    refused, reasons = Refusals(), dict[str, str]()
    found: list[tuple[ImageCase, FloatArray]] = []
    seen: list[tuple[ImageCase, ImageArray, int]] = []
    for done, (case, result) in enumerate(loaded.classify_cases(cases), start=1):
        if isinstance(result, InputError):
            reasons[case.id] = str(result)
            refused.sentences.append(reasons[case.id])
            label = ""
        else:
            image, probabilities = result
            found.append((case, probabilities))
            most = int(probabilities.argmax())
            label = loaded.classes[most]
            if maps:
                seen.append((case, image, most))
        if len(seen) == loaded.batch_size or (seen and done == len(cases)):
            _write_maps(out / MAPS, loaded, seen)
            seen = []
        if progress:
            progress(ImageDone(case.id, done, len(cases), label, reasons.get(case.id, "")))
    if not found:
        refused.raise_any()
    digests = file_digests(case.image for case, _ in found)
    table = out / PREDICTIONS
    write_predictions(
        table,
        Predictions(
            classes=loaded.classes,
            cases=tuple(case.id for case, _ in found),
            images=tuple(str(case.image) for case, _ in found),
            probabilities=np.stack([probabilities for _, probabilities in found]),
            trained_on=tuple(
                image_mark(digests[case.image], case.slice) in loaded.trained_on for case, _ in found
            ),
        ),
    )
    facts = {
        "task": "classification",
        "run": str(run_dir.resolve()),
        "weights": weights,
        "networks": len(loaded.nets),
        "temperature": loaded.temperature,
        "split": loaded.split,
        "duplicates": loaded.duplicates,
        "versions": installed_versions(PACKAGES),
        "refused": reasons,
    }
    write_json(out / "prediction.json", facts)
    refused.raise_any()
    return table


def _write_maps(
    folder: Path, loaded: LoadedClassifier, seen: Sequence[tuple[ImageCase, ImageArray, int]]
) -> None:
    """Write the heat map of each case, of its prepared image and for its class, computed together."""
    images = torch.from_numpy(np.stack([image for _, image, _ in seen])).to(loaded.device)
    for (case, _, _), heat in zip(seen, heat_maps(loaded, images, [most for *_, most in seen]), strict=True):
        write_heat_map(folder, case.id, heat, loaded.loader.place_of(case))


def table_columns(config: ClassificationConfig) -> dict[str, str]:
    """Return how the tables of the run's data set are written."""
    wanted = ("file", "image", "slice", "case")
    return {key: value for key, value in options(config.data.format).items() if key in wanted}

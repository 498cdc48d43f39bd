"""A trained run that gives images a class, or several of them together, in memory."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from PIL import Image

from medse.arrays import AnyArray, FloatArray, ImageArray
from medse.config.classification import ClassificationConfig
from medse.data.images.cases import ImageCase
from medse.data.images.loading import ImageLoader
from medse.errors import InputError, some
from medse.files import leads_out, read_json
from medse.inference.views import Views
from medse.metrics.classification.temperature import with_temperature
from medse.nets.network import Classifier
from medse.runs import Weights
from medse.runs.classification import classifier, image_loader, views
from medse.runs.directory import RunDir
from medse.runs.hardware import resolve_device
from medse.runs.provenance import file_digests
from medse.runs.weights import load_weights
from medse.tasks.classification import kept_weights

ENSEMBLE = "ensemble.json"
"""File of a folder with the runs of all folds: their names, and the temperature of their mean."""


@dataclass(frozen=True)
class Classification:
    """What a run says of an image.

    Attributes:
        label: The most probable class.
        probabilities: Class -> probability; they add up to 1.
    """

    label: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class LoadedClassifier:
    """Trained networks with everything needed to classify an image.

    Attributes:
        nets: One network; or those of several folds, whose probabilities are averaged.
        loader: Prepares an image.
        classes: In the order of the outputs.
        device: Where the networks are.
        views: How each image is looked at.
        batch_size: Images that a network sees at once.
        config: What the run was trained by; the first, where there are several.
        split: How training and validation images were told apart.
        duplicates: Images that are the same, or nearly so, on both sides; None where nobody looked.
        trained_on: Marks of the images that a network was trained on; see :func:`.image_mark`.
        temperature: What logits are divided by, fitted on cases that the networks were not trained on; 1 where there
            were none.
    """

    nets: tuple[Classifier, ...]
    loader: ImageLoader
    classes: tuple[str, ...]
    device: torch.device
    views: Views
    batch_size: int
    config: ClassificationConfig
    split: Mapping[str, str]
    duplicates: Sequence[Mapping[str, str]] | None
    trained_on: frozenset[str]
    temperature: float = 1.0

    def classify(self, image: Any, affine: Any = None, *, slice: int | None = None) -> Classification:
        """Classify one image.

        Args:
            image: The path of a picture, DICOM slice or volume; a PIL image, or without ``affine`` an array ``(rows,
                columns)`` or ``(rows, columns, 3)`` as a picture is displayed; a nibabel or SimpleITK image; a MONAI
                ``MetaTensor``; or, with ``affine``, an array or tensor as of :meth:`medse.LoadedRun.segment`.
            affine: The 4x4 voxel-to-world matrix of an array or plain tensor in mm.
            slice: Index of the slice of a volume, from 0, along ``data.slice_axis`` in RAS order.

        Raises:
            InputError: The image is none of these, or cannot be used.

        Example:
            >>> from medse import load_run
            >>> found = load_run("classifier").classify("pictures/images/spot00.png")
            >>> sorted(found.probabilities)
            ['blank', 'spot', 'stripes']
        """
        if affine is None and isinstance(image, Image.Image | np.ndarray):
            image, affine = _as_displayed(np.asarray(image), self.loader.channels)
        found = self.probabilities([self.loader.image(image, affine, slice=slice)])[0].tolist()
        named = dict(zip(self.classes, found, strict=True))
        return Classification(max(named, key=lambda name: named[name]), named)

    def probabilities(self, images: Sequence[Any]) -> FloatArray:
        """Return the probabilities ``(n, K)`` of prepared images ``(C, *size)``, which add up to 1 in float64."""
        return with_temperature(self.logits(images), self.temperature)

    def logits(self, images: Sequence[Any]) -> FloatArray:
        """Return the logits ``(views, n, K)`` that every network gives every view of prepared images."""
        parts = []
        for start in range(0, len(images), self.batch_size):
            seen = torch.from_numpy(np.stack(images[start : start + self.batch_size])).to(self.device)
            parts.append(
                torch.cat([self.views.logits(net, seen) for net in self.nets]).double().cpu().numpy()
            )
        found: FloatArray = np.concatenate(parts, axis=1)
        return found

    def classify_cases(
        self, cases: Sequence[ImageCase]
    ) -> Iterator[tuple[ImageCase, tuple[ImageArray, FloatArray] | InputError]]:
        """Yield each case with its prepared image and probabilities ``(K,)``, or with why it cannot be used."""
        for start in range(0, len(cases), self.batch_size):
            some = cases[start : start + self.batch_size]
            prepared: dict[str, Any] = {}
            refused: dict[str, InputError] = {}
            for case in some:
                try:
                    prepared[case.id] = self.loader(case)["image"]
                except InputError as error:
                    refused[case.id] = error
            found = (
                dict(zip(prepared, self.probabilities([*prepared.values()]), strict=True)) if prepared else {}
            )
            for case in some:
                yield case, (prepared[case.id], found[case.id]) if case.id in found else refused[case.id]

    def segment(self, image: Any, affine: Any = None) -> NoReturn:  # noqa: ARG002
        """Refuse: a run of this task gives images a class.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"This run gives images one of the classes {', '.join(self.classes)} and draws no label maps; use "
            "classify(image), or a run of task segmentation."
        )


def _as_displayed(picture: AnyArray, channels: int) -> tuple[AnyArray, FloatArray]:
    """Return a picture ``(rows, columns)`` or ``(rows, columns, 3)`` as a volume of one slice that is displayed so.

    Raises:
        InputError: It has another shape, or colours that a run with one channel does not take.
    """
    if not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)):
        raise InputError(
            f"An array of shape {picture.shape} was given without an affine; a picture is (rows, columns) or (rows, "
            "columns, 3); give one, or a volume (X, Y, Z) with the affine of its file."
        )
    if picture.ndim == 3 and channels == 1:
        if not (picture == picture[..., :1]).all():
            raise InputError(
                "The array has colours and the run was trained on grey images; give a grey image (rows, columns)."
            )
        picture = picture[..., 0]
    upright = picture.swapaxes(0, 1)[:, ::-1, None]
    return np.ascontiguousarray(upright), np.eye(4)


def load_classifier(run_dir: Path, *, device: str = "auto", weights: Weights = "final") -> LoadedClassifier:
    """Load a run that gives images a class, or the runs of all folds that ``--fold all`` left in a folder.

    Raises:
        InputError: As :func:`medse.load_run`; or the run labels voxels.
    """
    place = resolve_device(device)
    if is_ensemble(run_dir):
        return _load_ensemble(run_dir, device, weights)
    run = RunDir(run_dir)
    config = run.read_config()
    if not isinstance(config, ClassificationConfig):
        raise InputError(
            f"{run_dir} was trained for task {config.task} and gives no image a class; use it with medse predict on "
            "scans, or give a run of task classification."
        )
    learnt = run.read_image_facts()
    network = classifier(config, learnt.channels, len(learnt.classes))
    load_weights(run, weights, network, kept_weights(config.trainer.averaging))
    network.to(place).eval()
    return LoadedClassifier(
        nets=(network,),
        loader=image_loader(config.data, learnt.channels),
        classes=learnt.classes,
        device=place,
        views=views(config),
        batch_size=config.inference.batch_size,
        config=config,
        split=run.read_split_facts(config),
        duplicates=run.read_duplicates(),
        trained_on=run.read_trained(),
    )


def weights_digest(run: Path) -> str:
    """Return the SHA-256 of the weights of a run."""
    weights = RunDir(run).weights
    return file_digests([weights])[weights].hex()


def is_ensemble(folder: Path) -> bool:
    """Whether a folder holds the runs of all folds.

    Raises:
        InputError: It holds the first, and the training of all was not finished.
    """
    if (folder / ENSEMBLE).is_file():
        return True
    if RunDir(folder / "fold_0").config.is_file():
        raise InputError(
            f"Not all folds in {folder} are trained; finish them (medse train --fold all --resume --run {folder}), "
            "or give the folder of one."
        )
    return False


def classifies(folder: Path) -> bool:
    """Whether a folder holds a run, or runs, of task classification.

    Raises:
        InputError: It holds no run, or not those of all folds.
    """
    return is_ensemble(folder) or isinstance(RunDir(folder).read_config(), ClassificationConfig)


def _load_ensemble(folder: Path, device: str, weights: Weights) -> LoadedClassifier:
    facts = read_json(folder / ENSEMBLE, "train the folds again (medse train --fold all)")
    try:
        known = {str(name): str(digest) for name, digest in facts["runs"].items()}
        temperature = float(facts["temperature"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder / ENSEMBLE} is damaged ({error!r}); train the folds again (medse train --fold all --resume)."
        ) from error
    names = list(known)
    if not names or any(leads_out(name) for name in names) or not 0 < temperature < math.inf:
        raise InputError(
            f"{folder / ENSEMBLE} names the runs {some(names)} and temperature {temperature}; runs in that folder "
            "and a number above 0 are expected; train the folds again (medse train --fold all --resume)."
        )
    members = [load_classifier(folder / name, device=device, weights=weights) for name in names]
    if changed := [name for name, digest in known.items() if weights_digest(folder / name) != digest]:
        raise InputError(
            f"{folder / changed[0]} was trained since its temperature was fitted; make the folds one again "
            f"(medse train --fold all --resume --run {folder}), or give the folder of one."
        )
    first = members[0]
    if any(one.classes != first.classes or one.loader != first.loader for one in members):
        raise InputError(
            f"The runs in {folder} have different classes or sizes of images; they must be folds of one training; "
            "train them again (medse train --fold all)."
        )
    return replace(
        first,
        nets=tuple(net for one in members for net in one.nets),
        trained_on=frozenset().union(*(one.trained_on for one in members)),
        temperature=temperature,
        split={**first.split, "fold": "all"},
    )

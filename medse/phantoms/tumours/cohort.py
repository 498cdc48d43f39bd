"""Generated slices with a tumour as files: PNG images and masks, and a table of them."""

import csv
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from medse.arrays import AnyArray, FloatArray
from medse.files import atomic_path, write_text
from medse.phantoms.cohort_files import check_new_cohort
from medse.phantoms.tumours.head import Head
from medse.phantoms.tumours.lesions import LESIONS
from medse.phantoms.tumours.slices import cut_slices
from medse.phantoms.tumours.template import HeadTemplate, load_head_template

SLICES = (3, 5)
"""Fewest and most slices of a subject."""
COLUMNS = ("case", "image", "mask", "label", "group", "split")
DESCRIPTION = (
    "GENERATED images, no real patients: every subject is the ICBM152 2009 brain, artificially deformed, in a head "
    "drawn from geometric shapes, with a painted tumour. They serve to try software and say nothing of tumours.\n"
)


def write_tumour_cohort(root: Path, *, train: int, test: int, seed: int) -> None:
    """Write generated slices of heads with a meningioma, a glioma or a pituitary tumour.

    ``cases.csv`` names for each slice its image and mask (8-bit PNG; 255 is tumour), its class, its subject as
    ``group``, and its ``split``, ``train`` or ``test``. Subjects have the three classes in turn and 3 to 5 slices
    each, axial, coronal and sagittal.

    Args:
        root: New or empty folder.
        train: Number of training subjects, at least 1.
        test: Number of held-out subjects.
        seed: The same seed gives the same bytes; subject n depends on ``seed`` and n alone.

    Raises:
        InputError: A number is too small, or ``root`` is not empty.
    """
    check_new_cohort(root, train=train, test=test)
    template = load_head_template()
    table = io.StringIO()
    rows = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    rows.writeheader()
    for number in range(train + test):
        subject = f"generated_{number + 1:03d}"
        label = list(LESIONS)[number % len(LESIONS)]
        drawn = generate_slices(template, label, np.random.default_rng((seed, number)))
        for index, (plane, image, mask) in enumerate(drawn, start=1):
            case = f"{subject}_{index}_{plane}"
            files = {"image": f"images/{case}.png", "mask": f"masks/{case}.png"}
            for name, pixels in (("image", image), ("mask", mask)):
                with atomic_path(root / files[name]) as temporary:
                    Image.fromarray(pixels).save(temporary, format="PNG")
            rows.writerow(
                {
                    "case": case,
                    **files,
                    "label": label,
                    "group": subject,
                    "split": "train" if number < train else "test",
                }
            )
    write_text(root / "README.txt", DESCRIPTION)
    write_text(root / "cases.csv", table.getvalue())


Pixels = npt.NDArray[np.uint8]


def generate_slices(
    template: HeadTemplate, label: str, random: np.random.Generator
) -> list[tuple[str, Pixels, Pixels]]:
    """Return plane, image and mask, ``(rows, columns)``, of slices of a new subject with a tumour ``label``."""
    head = Head(template, random)
    lesion = LESIONS[label](head, random)
    count = int(random.integers(SLICES[0], SLICES[1] + 1))
    scanner = _Scanner(random)
    return [
        (cut.plane, scanner.scan(cut.signal, random), 255 * cut.mask.astype(np.uint8))
        for cut in cut_slices(head, lesion, random, count)
    ]


class _Scanner:
    """What an imperfect scanner makes of a signal: one exposure, blur and noise for all slices of a subject."""

    def __init__(self, random: np.random.Generator) -> None:
        self._blur = random.uniform(0.4, 0.8)  # standard deviation in pixels
        self._noise = random.uniform(0.006, 0.03)
        self._bias = random.uniform(0.05, 0.3)
        self._gamma = np.exp(random.uniform(-0.15, 0.15))
        self._white = random.uniform(0.75, 1.1)  # signal that becomes 255

    def scan(self, signal: FloatArray, random: np.random.Generator) -> Pixels:
        rows, columns = (np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(4)) / n) for n in signal.shape)
        bias = rows @ random.standard_normal((4, 4)) @ columns.T
        image = signal * np.exp(self._bias * bias / np.abs(bias).max())
        image = ndimage.gaussian_filter(np.clip(image, 0, None) ** self._gamma, self._blur)
        real, imaginary = self._noise * random.standard_normal((2, *image.shape))
        image = np.hypot(image + real, imaginary)  # magnitude images have Rician noise
        scaled: AnyArray = np.rint(np.clip(image / self._white, 0, 1) * 255)
        return scaled.astype(np.uint8)

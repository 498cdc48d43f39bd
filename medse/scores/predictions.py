"""``predictions.csv``: the probability of every class for every case, and the way to and from the file."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from medse.arrays import FloatArray, IndexArray
from medse.errors import InputError, count, some
from medse.files import refuse_separator, write_text
from medse.scores.files import as_named, check_names, guarded

PREDICTIONS = "predictions.csv"
PROBABILITY = "p_"
"""How the column of a class begins; the name of the class follows."""
CASE, IMAGE, PREDICTED, FOLD, TRAINED_ON = "case", "image", "predicted", "fold", "trained_on"
YES_NO = {"yes": True, "no": False}
ROUNDED = 5e-3
"""How far each probability of a case may be off: what rounding to two decimals does. All are then divided by their
sum."""
EXACT = 1e-9
"""How far from 1 a sum is left as it is."""
_FORM = f"a table with the columns {CASE} and {PROBABILITY}CLASS for every class"


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of each case.

    Attributes:
        images: Paths as text; empty where unknown.
        probabilities: ``(n, K)``, rows sum to 1.
        folds: Which fold's model predicted each case; none where that is unknown.
        trained_on: Whether the model was trained on the image of each case; none where that is unknown.
    """

    classes: tuple[str, ...]
    cases: tuple[str, ...]
    images: tuple[str, ...]
    probabilities: FloatArray
    folds: tuple[str, ...] = ()
    trained_on: tuple[bool, ...] = ()

    @cached_property
    def predicted(self) -> IndexArray:
        """The most probable class of each case, the first of equals. Shape: ``(n,)``."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The name of the most probable class of each case."""
        return tuple(self.classes[k] for k in self.predicted)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write a line for each case; probabilities so that they are read back as they were."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    further: dict[str, Sequence[str]] = {}
    if predictions.folds:
        further[FOLD] = predictions.folds
    if predictions.trained_on:
        further[TRAINED_ON] = ["yes" if seen else "no" for seen in predictions.trained_on]
    writer.writerow([CASE, IMAGE, PREDICTED, *(PROBABILITY + name for name in predictions.classes), *further])
    beside = [*zip(*further.values(), strict=True)] or [()] * len(predictions.cases)
    lines = zip(
        predictions.cases,
        predictions.images,
        predictions.labels,
        predictions.probabilities.tolist(),
        beside,
        strict=True,
    )
    for case, image, label, probabilities, others in lines:
        names = [guarded(name) for name in (case, image, label)]
        writer.writerow([*names, *(f"{p:.17g}" for p in probabilities), *others])
    write_text(path, text.getvalue())


def read_predictions(path: Path) -> Predictions:
    """Read what :func:`write_predictions`, or another tool, wrote.

    The columns ``image``, ``predicted``, ``fold`` and ``trained_on`` may be absent. Spaces around a cell do not
    count.

    Raises:
        InputError: It cannot be read; a column is missing, unknown or there twice; a case is named twice; the
            probabilities of a case are no numbers between 0 and 1 or do not sum to 1; or ``predicted`` is not the
            most probable class.
    """
    lines = _lines(path)
    place, header = next(lines, (str(path), []))
    classes = _classes(header, place)
    cases, images, folds, probabilities, trained_on = [], [], [], [], []
    for place, cells in lines:
        if len(cells) != len(header):
            raise InputError(
                f"{place} has {len(cells)} cells and the header {len(header)}; every line needs as "
                "many as the header; correct its commas."
            )
        row = dict(zip(header, cells, strict=True))
        cases.append(as_named(row[CASE]))
        images.append(as_named(row.get(IMAGE, "")))
        folds.append(row.get(FOLD, ""))
        if (seen := row.get(TRAINED_ON, "no")) not in YES_NO:
            raise InputError(
                f"{place} has {seen!r} in column {TRAINED_ON}; yes or no is expected; correct it."
            )
        trained_on.append(YES_NO[seen])
        probabilities.append(_probabilities(row, classes, place))
    if not cases:
        raise InputError(f"{path} has no line below its header; expected one for each case; predict again.")
    check_names(cases, "case")
    if repeated := [case for case, times in Counter(cases).items() if times > 1]:
        raise InputError(
            f"{path} names {count(repeated, 'case', 'cases')} more than once: {some(repeated)}; keep one line each."
        )
    return Predictions(
        classes,
        tuple(cases),
        tuple(images),
        np.array(probabilities, dtype=np.float64),
        tuple(folds) if FOLD in header else (),
        tuple(trained_on) if TRAINED_ON in header else (),
    )


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield where each line is and its cells; blank lines are skipped."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield f"{path}, line {reader.line_num}", [cell.strip() for cell in cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV ({error}); give {_FORM}.") from error


def _classes(header: list[str], place: str) -> tuple[str, ...]:
    """Return the classes in the order of their columns."""
    if repeated := [name for name, times in Counter(header).items() if times > 1]:
        raise InputError(
            f"{place} has the column {repeated[0]!r} twice; each needs its own name; rename one."
        )
    classes = tuple(name.removeprefix(PROBABILITY) for name in header if name.startswith(PROBABILITY))
    known = {CASE, IMAGE, PREDICTED, FOLD, TRAINED_ON, *(PROBABILITY + name for name in classes)}
    refuse_separator(header, place)
    if CASE not in header or len(classes) < 2:
        raise InputError(
            f"{place} has the columns {some(header)}; expected {_FORM}, two classes at least; give predictions of a "
            "classifier."
        )
    if unknown := [name for name in header if name not in known]:
        raise InputError(
            f"{place} has the unknown column {unknown[0]!r}; expected {_FORM}; {IMAGE}, {PREDICTED}, "
            f"{FOLD} and {TRAINED_ON} may stand beside; remove it."
        )
    check_names(classes, "class")
    return classes


def _probabilities(row: Mapping[str, str], classes: tuple[str, ...], place: str) -> list[float]:
    """Return the probabilities of one case in the order of the classes."""
    found = []
    for name in classes:
        cell = row[PROBABILITY + name]
        try:
            value = float(cell)
        except ValueError:
            value = np.nan
        if not 0 <= value <= 1:
            raise InputError(
                f"{place} gives {name!r} the probability {cell!r}; a number from 0 to 1 is expected; correct it."
            )
        found.append(value)
    if abs(sum(found) - 1) > ROUNDED * len(found) + EXACT:
        raise InputError(
            f"{place} has probabilities that sum to {sum(found):.6g}; those of a case sum to 1; give probabilities, "
            "such as the softmax of the network's outputs."
        )
    said = as_named(row.get(PREDICTED, ""))
    if said and said not in classes:
        raise InputError(
            f"{place} predicts {said!r}, which has no column; the classes are {some(classes)}; correct it."
        )
    most = classes[int(np.argmax(found))]
    if said and said != most and found[classes.index(said)] == max(found):
        raise InputError(
            f"{place} predicts {said!r}, and {most!r} is as probable and has its column before; the first of equals "
            "counts; give more decimals, or leave the column predicted out."
        )
    if said and said != most:
        raise InputError(
            f"{place} predicts {said!r}, and {most!r} is more probable; predicted is the "
            "most probable class; correct it, or leave the column out."
        )
    total = sum(found)
    return found if abs(total - 1) <= EXACT else [value / total for value in found]

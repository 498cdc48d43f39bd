"""Scores of a classifier on the terminal."""

import math

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medse.pages.split import TRAINED_ON, sides_of_groups
from medse.scores.classification import ClassificationScores, Estimate
from medse.scores.classification_table import CLASSIFIER_SCORES


def print_classification(console: Console, scores: ClassificationScores) -> None:
    """Print the scores of all classes together and of each, and what to know about them."""
    console.print(overall_table(scores))
    console.print(class_table(scores))
    for line in remarks(scores):
        console.print(line, highlight=False, markup=False)


def overall_table(scores: ClassificationScores) -> Table:
    """List the scores of all classes together."""
    groups = f" of {scores.groups} group{'s' * (scores.groups > 1)}" if scores.settings.grouped else ""
    table = Table(title=f"{scores.n} cases{groups}", title_justify="left")
    table.add_column("score")
    table.add_column(escape("value [95 %]"), justify="right", no_wrap=True)
    for name, score in CLASSIFIER_SCORES.items():
        table.add_row(score.title, escape(_interval(getattr(scores.overall, name))))
    return table


def class_table(scores: ClassificationScores) -> Table:
    """List each class against the rest, where the most probable class is predicted."""
    table = Table(title="Each class against the rest", title_justify="left")
    table.add_column("class", overflow="fold")
    for name in ("n", "sens.", "spec.", "PPV", "NPV", "AUC [95 %]"):
        table.add_column(escape(name), justify="right", no_wrap=True)
    for one in scores.classes:
        by = one.most_probable
        shares = [_value(share) for share in (by.sensitivity, by.specificity, by.ppv, by.npv)]
        cells = [one.label, str(one.n), *shares, _interval(one.auc)]
        table.add_row(*map(escape, cells))
    return table


def remarks(scores: ClassificationScores) -> list[str]:
    """Return what to know about the numbers, a sentence each."""
    said = []
    if scores.groups == 1:
        said.append("All cases are of one group: there are no intervals.")
    elif scores.settings.grouped:
        said.append(f"Intervals resample the {scores.groups} groups that the {scores.n} cases come from.")
    if absent := [one.label for one in scores.classes if not one.n]:
        said.append(
            f"No reference is of the class {', '.join(absent)}: it is in no mean over classes, and a case predicted "
            "as it is wrong."
        )
    if scores.duplicates:
        said.append(f"Caution: {len(scores.duplicates)} pairs of images are the same across the split.")
    sides = sides_of_groups(scores.split, grouped=scores.settings.grouped)
    if sides == "unknown":
        said.append(
            "Caution: it is not known whether images of one patient were both trained on and scored here; if they "
            "were, every number is too good."
        )
    if sides == "divided":
        seen = scores.split.get(TRAINED_ON, "0")
        what = (
            f"{seen} of these {scores.n} images were trained on"
            if seen != "0"
            else "single images were dealt"
        )
        said.append(
            f"Caution: {what}, so that a patient was trained on and scored: every number is too good."
        )
    return said


def _value(estimate: Estimate) -> str:
    return "–" if math.isnan(estimate.value) else f"{estimate.value:.3f}"


def _interval(estimate: Estimate) -> str:
    interval = "" if math.isnan(estimate.low_95) else f" [{estimate.low_95:.3f}, {estimate.high_95:.3f}]"
    return _value(estimate) + interval

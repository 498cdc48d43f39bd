"""``table.tex`` and ``table.md``: the scores by class as papers show them."""

import math
from collections.abc import Callable, Collection
from pathlib import Path

from medse.files import write_text
from medse.pages.numbers import format_value
from medse.pages.paper_tables import LATEX, MARKDOWN, latex, markdown, typeset, written
from medse.report.tables import tolerance_of_all
from medse.scores.scores import Scores
from medse.scores.statistics import Summary
from medse.scores.table import SCORES

SHOWN = ("dice", "hd95_mm", "assd_mm", "nsd")


def write_paper_tables(out: Path, scores: Scores) -> None:
    write_text(out / LATEX, latex_table(scores))
    write_text(out / MARKDOWN, markdown_table(scores))


def latex_table(scores: Scores) -> str:
    """Return a table for booktabs (and longtable where there are many classes)."""
    return typeset(*_contents(scores, latex), label="tab:medse")


def markdown_table(scores: Scores) -> str:
    """Return a table in GitHub's Markdown, its caption below."""
    return written(*_contents(scores, markdown))


def _contents(scores: Scores, escape: Callable[[str], str]) -> tuple[list[str], list[list[str]], str]:
    """Return heading, lines and caption, escaped."""
    classes = scores.summaries.classes
    columns = [name for name in SHOWN if any(entry.summary(name) for entry in classes)]
    lines = []
    for entry in classes:
        n = entry.dice.n
        lines.append([entry.label, str(n), *(_cell(entry.summary(name), name, n) for name in columns)])
    mean = scores.summaries.mean_dice
    last = ["Mean over classes", str(mean.n), _cell(mean, "dice", mean.n), *[""] * (len(columns) - 1)]
    heading = ["Class", "n", *(SCORES[name].heading for name in columns)]
    escaped = [[escape(cell) for cell in line] for line in (heading, *lines, last)]
    return escaped[0], escaped[1:], escape(_caption(scores, columns))


def _cell(summary: Summary | None, score: str, n: int) -> str:
    """Write mean, spread and interval, and how many cases they are of where these are not ``n``."""
    if summary is None or not summary.n:
        return "–"

    def digits(value: float) -> str:
        return format_value(value, score)

    spread = f" ± {digits(summary.sd)}" if summary.n > 1 else ""
    interval = "" if math.isnan(summary.low_95) else f" [{digits(summary.low_95)}, {digits(summary.high_95)}]"
    return f"{digits(summary.mean)}{spread}{interval}" + (f" (n = {summary.n})" if summary.n != n else "")


def _caption(scores: Scores, shown: Collection[str]) -> str:
    settings, summaries = scores.settings, scores.summaries
    groups = f" of {summaries.groups} patients or groups" if summaries.groups != summaries.cases else ""
    unit = "groups" if settings.unit == "group" else "cases"
    sentences = [
        f"Scores by class over {summaries.cases} cases{groups} by the convention {scores.convention}: mean ± "
        f"standard deviation [{settings.interval_level:.0%} interval: {settings.interval_method}, "
        f"{settings.interval_resamples} resamples].",
        f"n: {unit} in which Dice is defined, unless said otherwise in brackets.",
    ]
    if "hd95_mm" in shown and scores.convention == "medse":
        sentences.append(
            "Where only one of the two masks is empty, distances are the diagonal of the image, which depends on "
            "the field of view."
        )
    elif "hd95_mm" in shown:
        sentences.append("Undefined and infinite distances are left out.")
    if "nsd" in shown:
        common = tolerance_of_all(settings.tolerance_mm)
        each = ", ".join(f"{label} {mm:g} mm" for label, mm in settings.tolerance_mm.items())
        sentences.append(f"Tolerance of NSD: {each if common is None else f'{common:g} mm'}.")
    if settings.missing_predictions:
        sentences.append(f"Missing predictions that count as empty: {len(settings.missing_predictions)}.")
    if scores.not_scored:
        sentences.append(f"Cases that could not be scored and are left out: {len(scores.not_scored)}.")
    return " ".join(sentences)

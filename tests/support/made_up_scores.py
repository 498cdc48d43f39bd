"""Scores made up for the tests of the page, and a reader of pages."""

from html.parser import HTMLParser

from medse.scores.scores import ScoreRow, Scores, Settings
from medse.scores.summaries import summarise_rows


def row(case, label, dice, *, value=1, **more):
    """A row whose masks both have voxels, unless ``more`` says otherwise."""
    usual = {
        "iou": 0.5, "precision": 0.5, "recall": 0.5, "volume_reference_ml": 2.0, "volume_prediction_ml": 2.5,
    }  # fmt: skip
    return ScoreRow(
        **{"case": case, "group": case, "label": label, "value": value, "dice": dice} | usual | more
    )


def collect(rows, *, convention="medse", settings=None, **more):
    """Scores of these rows."""
    details, beside = more.get("details", ()), more.get("beside", ())
    return Scores(
        convention=convention,
        created="2025-01-01T00:00:00+00:00",
        versions={"numpy": "2"},
        settings=Settings(
            **{
                "references": "r", "predictions": "p", "labels": None, "cases_file": None, "interval_method": "m",
                "interval_level": 0.95, "interval_resamples": 10, "interval_seed": 1,
            } | (settings or {})
        ),
        summaries=summarise_rows(rows, details, beside),
        rows=tuple(rows),
        **more,
    )  # fmt: skip


def make_scores(dice, label="liver", more=lambda _case, _k: {}, **kwargs):
    """Scores of Dice by cases (outer) and classes (inner); ``more`` gives further numbers of case and class."""
    rows = [
        row(f"c{i}", f"{label}{k}", value, value=k + 1, **{"volume_reference_ml": 2.0 + i} | more(i, k))
        for i, values in enumerate(dice)
        for k, value in enumerate(values)
    ]
    return collect(rows, **kwargs)


class Page(HTMLParser):
    """Collects the tags of a page and checks that they close in order."""

    VOID = frozenset({"meta", "img", "br", "input", "wbr"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

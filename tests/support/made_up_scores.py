"""Scores made up for the tests of the page, and a reader of pages."""

import base64
import hashlib
import math
import re
from html.parser import HTMLParser

import numpy as np

from medse.scores.files import write_scores
from medse.scores.scores import ScoreRow, Scores, Settings
from medse.scores.summaries import summarise_rows


def check_policy(text):
    """Check that a page lets its one script run, by the hash of what stands in it, and nothing else."""
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policies = [tag for tag in Page(text).all("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    (rules,) = [dict(rule.strip().split(" ", 1) for rule in tag["content"].split(";")) for tag in policies]
    assert rules == {
        "default-src": "'none'", "img-src": "data:", "style-src": "'unsafe-inline'", "base-uri": "'none'",
        "form-action": "'none'", "script-src": f"'sha256-{digest}'",
    }  # fmt: skip


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


def write_evaluated(
    folder,
    dice,
    *,
    classes=("liver", "spleen"),
    groups=None,
    volume_ml=2.0,
    hd95_mm=None,
    first_case=0,
    **kwargs,
):
    """Write a folder as ``medse evaluate`` does, with these Dice, ``(cases, classes)``; NaN is empty in both."""
    rows = []
    for i, k in np.ndindex(np.shape(dice)):
        case, value = f"case_{first_case + i:03}", float(np.asarray(dice)[i, k])
        more = {
            "precision": value,
            "recall": value,
            "volume_reference_ml": 0.0 if math.isnan(value) else volume_ml,
        }
        more |= {} if hd95_mm is None else {"hd95_mm": float(np.asarray(hd95_mm)[i, k])}
        rows.append(row(case, classes[k], value, iou=value, group=groups[i] if groups else case, **more))
    write_scores(folder, collect(rows, **kwargs))
    return folder


class Page(HTMLParser):
    """Collects the tags and the text of a page and checks that they close in order."""

    VOID = frozenset({"meta", "img", "br", "input", "wbr"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

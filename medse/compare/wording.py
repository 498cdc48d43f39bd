"""Numbers, sentences and cautions of a comparison, for the page and the terminal alike."""

import math

from medse.compare.result import Comparison, PairRow
from medse.compare.verdicts import ALPHA
from medse.pages.numbers import DASH
from medse.scores.table import SCORES

FEW_GROUPS = 10
"""Below this many groups bootstrap intervals come out too narrow."""
FEW_DEGREES = 5
"""Below this many degrees of freedom the spread between trainings is itself uncertain."""
_MIRRORED = {"better": "worse", "worse": "better"}


class Wording:
    """Writes the numbers of one comparison, all with the digits its score deserves."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.score = SCORES[comparison.score]
        self.title = self.score.title
        self.unit = f" {self.score.unit}" if self.score.unit else ""

    def value(self, value: float) -> str:
        """Write a score; a dash where it is undefined."""
        return DASH if math.isnan(value) else f"{value:.{self.score.decimals}f}"

    def spread(self, value: float) -> str:
        """Write a length on the scale of differences; a dash where it is undefined."""
        return DASH if math.isnan(value) else f"{value:.{self.score.decimals + 1}f}"

    def signed(self, value: float) -> str:
        """Write a difference with its sign; a dash where it is undefined."""
        text = self.spread(abs(value))
        sign = "" if math.isnan(value) or float(text) == 0 else "+" if value > 0 else "−"
        return sign + text

    def interval(self, row: PairRow) -> str:
        """Write the interval of the difference; a dash where there is none."""
        if math.isnan(row.low_95):
            return DASH
        return f"[{self.signed(row.low_95)}, {self.signed(row.high_95)}]"

    def result(self) -> str:
        """Say how the models compare in the mean over classes, in a sentence."""
        overall = self.comparison.found.overall
        if len(overall) > 1:
            return self._ranking()
        row = overall[0]
        if row.verdict == "not distinguishable":
            start = f"{row.first} and {row.second} are not distinguishable"
        else:
            start = f"{row.first} is {row.verdict} than {row.second}"
        first, second = (f"{self.value(mean)}{self.unit}" for mean in (row.mean_first, row.mean_second))
        difference = f"{self.signed(row.difference)}{self.unit}, 95 % interval {self.interval(row)}"
        p = p_value(row.p_holm)
        return (
            f"{start}: mean {self.title} {first} against {second}, difference {difference}, "
            f"Holm-corrected p {p if p.startswith('<') else f'= {p}'}, {row.n} cases."
        )

    def seeds(self) -> str:
        """Say whether the spread between trainings was looked at, in a sentence."""
        found = self.comparison.found
        if not self.comparison.seeds_checked:
            return (
                "The seed condition was not checked: no model was given with repeated trainings, and a test over "
                "cases says nothing about the spread between trainings."
            )
        degrees = found.seed_degrees
        repeated = [model.name for model in found.models if len(model.trainings) > 1]
        return (
            f"The seed condition was checked: the mean {self.title} varies between trainings of a model with an sd "
            f"of {self.spread(found.seed_sd)}{self.unit}, from {', '.join(repeated)} ({degrees} "
            f"degree{'s' if degrees > 1 else ''} of freedom)."
        )

    def _ranking(self) -> str:
        found = self.comparison.found
        means = {model.name: math.fsum(model.trainings) / len(model.trainings) for model in found.models}
        means = {name: mean for name, mean in means.items() if not math.isnan(mean)}
        if not means:
            return f"No model has a defined {self.title}."
        choose = max if self.score.higher_is_better else min
        best = choose(means, key=lambda name: means[name])
        others: dict[str, list[str]] = {}
        for row in found.overall:
            if row.first == best:
                others.setdefault(row.verdict, []).append(row.second)
            elif row.second == best:
                others.setdefault(_MIRRORED.get(row.verdict, row.verdict), []).append(row.first)
        words = {
            "better": "better than",
            "worse": "worse than",
            "not distinguishable": "not distinguishable from",
        }
        clauses = [f"{start} {', '.join(others[word])}" for word, start in words.items() if word in others]
        most = "highest" if self.score.higher_is_better else "lowest"
        shown = f"{self.value(means[best])}{self.unit}"
        return f"{best} has the {most} mean {self.title} ({shown}): {'; '.join(clauses)}."


def p_value(p: float) -> str:
    """Write a p value to three decimals; a dash where there was nothing to test."""
    if math.isnan(p):
        return DASH
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def cautions(comparison: Comparison) -> list[str]:
    """Return a sentence for each; none where all is well."""
    found, sources = comparison.found, comparison.sources
    said = []
    if found.groups < FEW_GROUPS:
        said.append(
            f"There are {found.groups} independent cases or groups; with fewer than {FEW_GROUPS}, intervals from "
            "resampling are too narrow to rely on."
        )
    powerless = sum(row.p_smallest >= ALPHA for row in found.rows)
    if powerless:
        said.append(
            f"In {powerless} of {len(found.rows)} rows so few differences are not zero that p could not fall below "
            f"{p_value(ALPHA)} however consistent they were; not distinguishable means not tested there."
        )
    if 0 < found.seed_degrees < FEW_DEGREES:
        said.append(
            f"The spread between trainings rests on few of them (degrees of freedom: {found.seed_degrees}) and is "
            f"itself uncertain; {FEW_DEGREES} or more are better."
        )
    said += [
        _wrong_by_one(row) for row in found.overall if row.false_positives_first or row.false_positives_second
    ]
    for what, name in (
        ("missing_predictions", "were missing and scored as the worst"),
        ("geometry_fixed", "had another affine than their reference, which was overridden"),
        ("resampled", "lay on another grid and were resampled"),
    ):
        counts = [f"{source.folder} {n}" for source in sources if (n := getattr(source, what))]
        if counts:
            said.append(f"Predictions that {name}: {', '.join(counts)}.")
    unread = sorted({case for source in sources for case in source.not_scored})
    if unread:
        said.append(f"Cases that could not be read and are in no comparison: {', '.join(unread)}.")
    versions = {source.medse for source in sources}
    if len(versions) > 1:
        said.append(
            f"The reports were written by different versions of medse: {', '.join(sorted(versions))}."
        )
    return said


def _wrong_by_one(row: PairRow) -> str:
    return (
        f"False-positive masks (case x class): {row.false_positives_first} of {row.first} only and "
        f"{row.false_positives_second} of {row.second} only, where the other left an absent class empty; such masks "
        "are in no difference of their class."
    )

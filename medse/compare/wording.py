"""Numbers and sentences of a comparison, for the page and the terminal alike."""

import math

from medse.compare.result import Comparison
from medse.compare.statistics.findings import PairRow

TITLES = {"dice": "Dice", "iou": "IoU", "nsd": "NSD", "hd_mm": "HD", "hd95_mm": "HD95", "assd_mm": "ASSD"}
DASH = "–"
_MIRRORED = {"better": "worse", "worse": "better"}


class Wording:
    """Writes the numbers of one comparison, all with the digits its score deserves."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.millimetres = comparison.score.endswith("_mm")
        self.title = TITLES[comparison.score]
        self.unit = " mm" if self.millimetres else ""

    def value(self, value: float) -> str:
        """Write a score; a dash where it is undefined."""
        return DASH if math.isnan(value) else f"{value:.{2 if self.millimetres else 3}f}"

    def spread(self, value: float) -> str:
        """Write a length on the scale of differences; a dash where it is undefined."""
        return DASH if math.isnan(value) else f"{value:.{3 if self.millimetres else 4}f}"

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
        return (
            f"{start}: mean {self.title} {first} against {second}, difference {difference}, "
            f"{p_equals(row.p_holm)}, {row.n} cases."
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
        choose = max if self.comparison.higher_is_better else min
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
        most = "highest" if self.comparison.higher_is_better else "lowest"
        shown = f"{self.value(means[best])}{self.unit}"
        return f"{best} has the {most} mean {self.title} ({shown}): {'; '.join(clauses)}."


def p_equals(p: float) -> str:
    """Write a corrected p value with its name."""
    return f"Holm-corrected p {'' if p < 0.001 else '= '}{p_value(p)}"


def p_value(p: float) -> str:
    """Write a p value to three decimals; a dash where there was nothing to test."""
    if math.isnan(p):
        return DASH
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")

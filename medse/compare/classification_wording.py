"""Numbers, sentences and cautions of a comparison of classifiers, for the page and the terminal alike."""

import math
from itertools import combinations

from medse.compare.classification_result import ClassificationComparison, ClassifierSource, ScorePair
from medse.compare.wording import FEW_DEGREES, FEW_GROUPS, p_value
from medse.pages.numbers import DASH, format_score
from medse.pages.split import sides_of_groups
from medse.scores.classification_table import CLASSIFIER_SCORES


def difference_text(value: float) -> str:
    """Write a difference with its sign; a dash where it is undefined."""
    if math.isnan(value):
        return DASH
    text = f"{abs(value):.4f}"
    sign = "" if float(text) == 0 else "+" if value > 0 else "−"
    return sign + text


def interval_text(row: ScorePair) -> str:
    """Write the interval of a difference; a dash where there is none."""
    if math.isnan(row.low_95):
        return DASH
    return f"[{difference_text(row.low_95)}, {difference_text(row.high_95)}]"


def results(comparison: ClassificationComparison) -> list[str]:
    """Say of each pair of models how they compare by each score, a sentence for each pair."""
    names = [model.name for model in comparison.models]
    return [_result(comparison.of_pair(*pair)) for pair in combinations(names, 2)]


def seeds(comparison: ClassificationComparison) -> str:
    """Say whether the spread between trainings was looked at, in a sentence."""
    if not comparison.seeds_checked:
        return (
            "The seed condition was not checked: no model was given with repeated trainings, and a test over cases "
            "says nothing about the spread between trainings."
        )
    repeated = [model.name for model in comparison.models if len(model.accuracy) > 1]
    degrees = comparison.seed_degrees
    return (
        f"The seed condition was checked from the trainings of {', '.join(repeated)} ({degrees} "
        f"degree{'s' if degrees > 1 else ''} of freedom): a difference must be larger than the spread between them."
    )


def cautions(comparison: ClassificationComparison) -> list[str]:
    """Return a sentence for each; none where all is well."""
    said = []
    leaked = [one.folder for one in comparison.sources if _divided(one, comparison.naive)]
    if leaked:
        said.append(
            f"Images of one group (patient) were trained on and scored in {', '.join(leaked)}: its scores are too "
            "good, and no verdict that rests on them is worth anything."
        )
    if comparison.groups < FEW_GROUPS:
        said.append(
            f"There are {comparison.groups} independent cases or groups; with fewer than {FEW_GROUPS}, intervals "
            "from resampling are too narrow to rely on."
        )
    if comparison.naive:
        said.append(
            "Several cases share a group; the tests beside the verdict take cases for independent and are naive."
        )
    if lost := max((row.undefined for row in comparison.rows), default=0):
        said.append(
            f"In {lost} of {comparison.resamples} resamples a class was not drawn; the intervals that need it are "
            "over the others."
        )
    if 0 < comparison.seed_degrees < FEW_DEGREES:
        said.append(
            f"The spread between trainings rests on few of them (degrees of freedom: {comparison.seed_degrees}) and "
            f"is itself uncertain; {FEW_DEGREES} or more are better."
        )
    if doubled := [source.folder for source in comparison.sources if source.duplicates]:
        said.append(f"Images are the same on both sides of the split: {', '.join(doubled)}.")
    versions = {source.medse for source in comparison.sources}
    if len(versions) > 1:
        said.append(
            f"The reports were written by different versions of medse: {', '.join(sorted(versions))}."
        )
    return said


def _divided(source: ClassifierSource, grouped: bool) -> bool:
    return sides_of_groups(source.split, grouped=grouped) == "divided"


def _result(rows: tuple[ScorePair, ...]) -> str:
    clauses = []
    for row in rows:
        title, p = CLASSIFIER_SCORES[row.score].title, p_value(row.p_holm)
        clauses.append(
            f"{row.verdict} in {title[0].lower()}{title[1:]} ({format_score(row.mean_first)} against "
            f"{format_score(row.mean_second)}, difference {difference_text(row.difference)}, 95 % interval "
            f"{interval_text(row)}, Holm-corrected p {p if p.startswith('<') else f'= {p}'})"
        )
    return f"{rows[0].first} compared with {rows[0].second} is {'; '.join(clauses)}."

"""What a reader must know before believing the verdicts of a comparison."""

from medse.compare.result import Comparison
from medse.compare.statistics.findings import PairRow
from medse.compare.statistics.verdicts import ALPHA
from medse.compare.wording import p_value

FEW_GROUPS = 10
"""Below this many groups bootstrap intervals come out too narrow."""
FEW_DEGREES = 5
"""Below this many degrees of freedom the spread between trainings is itself uncertain."""


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
    said += [_wrong_by_one(row) for row in found.overall if row.hallucinated_first or row.hallucinated_second]
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
        f"Only {row.first} hallucinated in {row.hallucinated_first} masks (case x class) and only {row.second} in "
        f"{row.hallucinated_second}, where the other left an absent class empty; such masks are in no difference of "
        "their class."
    )

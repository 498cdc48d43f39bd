"""A comparison of classifiers on the terminal."""

from itertools import combinations

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from medse.compare.classification_result import BesideTests, ClassificationComparison
from medse.compare.classification_wording import difference_text, interval_text
from medse.compare.wording import p_value
from medse.pages.numbers import format_score
from medse.scores.classification_table import CLASSIFIER_SCORES


def classifier_comparison_table(comparison: ClassificationComparison) -> Table:
    """List every score of every pair of models."""
    names = [model.name for model in comparison.models]
    two = len(names) == 2
    title = f"{names[0]} minus {names[1]}" if two else "first minus second"
    table = Table(title=escape(f"{title}, p after Holm"), title_justify="left", box=SIMPLE_HEAD)
    if not two:
        table.add_column("first − second", overflow="fold")
    table.add_column("score")
    for heading in ("difference [95 % interval]", "p"):
        table.add_column(escape(heading), justify="right", no_wrap=True)
    table.add_column(escape(f"{names[0] if two else 'first'} is"), no_wrap=True)
    for pair in combinations(names, 2):
        rows = comparison.of_pair(*pair)
        for row in rows:
            cells = [
                *([] if two else [f"{row.first} − {row.second}"]),
                CLASSIFIER_SCORES[row.score].title,
                f"{difference_text(row.difference)} {interval_text(row)}",
                p_value(row.p_holm),
                row.verdict,
            ]
            table.add_row(*map(escape, cells), end_section=row is rows[-1])
    return table


def tests_table(found: BesideTests, *, naive: bool) -> Table:
    """List the tests that stand beside the verdict."""
    title = f"Beside the verdict: {found.first} and {found.second}" + (
        ", naive: cases of one group are not independent" if naive else ""
    )
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("test", overflow="fold")
    table.add_column("what it looks at", overflow="fold")
    table.add_column("p", justify="right", no_wrap=True)
    right = f"right only by {found.first}: {found.only_first}, only by {found.second}: {found.only_second}"
    lines = [
        ("McNemar, exact", right, found.mcnemar_exact_p),
        ("McNemar, corrected", f"chi² = {format_score(found.mcnemar_chi2)}", found.mcnemar_chi2_p),
        ("two proportions", f"z = {_signed(found.proportions_z)}", found.proportions_p),
    ]
    lines += [
        (
            f"DeLong, {one.label}",
            f"AUC {format_score(one.auc_first)} and {format_score(one.auc_second)}, z = {_signed(one.z)}",
            one.p,
        )
        for one in found.delong
    ]
    for name, what, p in lines:
        table.add_row(escape(name), escape(what), p_value(p))
    return table


def _signed(z: float) -> str:
    return format_score(z).replace("-", "−")

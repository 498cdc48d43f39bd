"""The lines of the table of lesions."""

from medse.report.tables import MOST_LESIONS, worst_lesions
from medse.scores.scores import LesionRow
from tests.support.made_up_scores import collect, row


def lesion(side, number, outcome, partner=None, dice=0.0, ml=1.0, case="a"):
    return LesionRow(
        case=case,
        label="met",
        side=side,
        lesion=number,
        outcome=outcome,
        partner=partner,
        dice=dice,
        volume_ml=ml,
    )


def test_unmatched_come_first_by_size_then_pairs_by_dice():
    rows = (
        lesion("reference", 1, "matched", 2, 0.9, 5.0), lesion("reference", 2, "false negative", ml=0.1),
        lesion("reference", 3, "matched", 1, 0.4, 4.0), lesion("prediction", 1, "matched", 3, 0.4, 3.0),
        lesion("prediction", 2, "matched", 1, 0.9, 2.0), lesion("prediction", 3, "false positive", ml=0.7),
        lesion("prediction", 1, "false positive", ml=0.3, case="b"),
    )  # fmt: skip
    lines, count = worst_lesions(collect([row("a", "met", 0.5), row("b", "met", 0.5)], lesions=rows))
    assert count == 5
    found = [
        (
            line.case,
            line.outcome,
            line.reference and line.reference.lesion,
            line.prediction and line.prediction.lesion,
        )
        for line in lines
    ]
    assert found == [
        ("a", "false positive", None, 3), ("b", "false positive", None, 1), ("a", "false negative", 2, None),
        ("a", "matched", 3, 1), ("a", "matched", 1, 2),
    ]  # fmt: skip
    assert (lines[3].reference.volume_ml, lines[3].prediction.volume_ml, lines[3].dice) == (4.0, 3.0, 0.4)


def test_the_table_is_limited():
    rows = tuple(lesion("reference", k, "false negative", ml=float(k)) for k in range(1, MOST_LESIONS + 5))
    lines, count = worst_lesions(collect([row("a", "met", 0.5)], lesions=rows))
    assert (len(lines), count) == (MOST_LESIONS, MOST_LESIONS + 4)
    assert lines[0].reference.lesion == MOST_LESIONS + 4

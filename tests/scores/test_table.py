"""The table of scores and the rows that hold them say the same."""

from dataclasses import fields

from medse.metrics.mask_pair import Measures
from medse.scores.scores import ClassScores, ConventionRow, DetailRow, ScoreRow
from medse.scores.table import OF_CONVENTIONS, SCORES


def test_every_score_has_its_fields_and_no_field_is_without_a_score():
    of_conventions = {field.name for field in fields(Measures)}
    assert (
        set(OF_CONVENTIONS)
        == of_conventions
        == set(ConventionRow.model_fields) - {"case", "label", "convention"}
    )
    assert of_conventions < set(ScoreRow.model_fields)
    for name, score in SCORES.items():
        assert (name in ScoreRow.model_fields) != (name in DetailRow.model_fields)
        assert name in ClassScores.model_fields
        assert name.endswith("_mm") == (score.unit == "mm") == (not score.higher_is_better)
    assert len({score.title for score in SCORES.values()}) == len(SCORES)
    assert (SCORES["hd95_mm"].heading, SCORES["dice"].heading) == ("HD95 (mm)", "Dice")

"""Which share of a training is done."""

import pytest

from medse.tasks.callbacks.budget import Budget


@pytest.mark.parametrize(
    ("max_steps", "max_minutes", "share"),
    [(40, None, 0.25), (None, 4, 0.5), (40, 4, 0.5), (12, 4, 10 / 12), (40, 1, 1), (None, None, 0)],
)
def test_what_is_nearer_its_end_counts(
    max_steps: int | None, max_minutes: float | None, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(max_steps, max_minutes)
    monkeypatch.setattr(budget, "time_elapsed", lambda: 120.0)
    assert budget.share_done(10) == pytest.approx(share)

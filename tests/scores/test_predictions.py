"""``predictions.csv``: what is written is read, and what cannot be meant is refused."""

import numpy as np
import pytest

from medse.errors import InputError
from medse.scores.predictions import Predictions, read_predictions, write_predictions


def test_round_trip(tmp_path):
    table = np.random.default_rng(0).dirichlet([0.1] * 3, 50)
    names = ("=SUM(A1)", "'=x", "-1", *(f"c{k}" for k in range(47)))
    given = Predictions(
        ("a", "b,c", "=d"), names, ("im ages/1.png",) + ("",) * 49, table, ("0",) * 25 + ("1",) * 25
    )
    write_predictions(tmp_path / "p.csv", given)
    found = read_predictions(tmp_path / "p.csv")
    assert np.array_equal(found.probabilities, table)
    assert (found.classes, found.cases, found.images, found.folds) == (
        given.classes, given.cases, given.images, given.folds,
    )  # fmt: skip
    assert found.labels == tuple(given.classes[k] for k in table.argmax(axis=1))
    assert "'=SUM" in (tmp_path / "p.csv").read_text()


def test_of_another_tool(tmp_path):
    """Only case and probabilities, rounded; a byte order mark, blank lines and spaces."""
    (tmp_path / "p.csv").write_text(
        "\ufeffp_b, case ,p_a\n\n 0.333,one,0.667\n0.5, two ,0.5\n0.33,three,0.68", encoding="utf-8"
    )
    found = read_predictions(tmp_path / "p.csv")
    assert found.classes == ("b", "a")
    assert found.cases == ("one", "two", "three")
    assert found.images == ("", "", "")
    assert found.probabilities[2] == pytest.approx([0.33 / 1.01, 0.68 / 1.01])
    assert found.folds == ()
    assert found.labels == ("a", "b", "a")  # of equals the first column


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "columns"),
        ("case,p_a,p_b\n", "no line"),
        ("case,p_a\nx,1\n", "two classes"),
        ("p_a,p_b\n1,0\n", "columns"),
        ("case,p_a,p_b,p_a\nx,1,0,0\n", "twice"),
        ("case,p_a,p_b,odd\nx,1,0,0\n", "'odd'"),
        ("case,p_a,p_b\nx,1\n", "line 2"),
        ("case,p_a,p_b\nx,1,0\nx,0,1\n", "more than once: x"),
        ("case,p_a,p_b\nx,nan,1\n", "'nan'"),
        ("case,p_a,p_b\nx,,1\n", "''"),
        ("case,p_a,p_b\nx,-0.5,1.5\n", "'-0.5'"),
        ("case,p_a,p_b\nx,0.5,0.489\n", "sum to 0.989"),
        ("case,predicted,p_a,p_b\nx,c,1,0\n", "'c'"),
        ("case,predicted,p_a,p_b\nx,b,0.6,0.4\n", "more probable"),
        ("case,predicted,p_a,p_b\nx,b,0.5,0.5\n", "as probable"),
        ("case;p_a;p_b\nx;1;0\n", "';'"),
        ("case,p_a,p_b\n,1,0\n", "case ''"),
        ("case,p_a,p_\nx,1,0\n", "class ''"),
        ('case,p_a,p_b\n"x,1,0\n', "CSV"),
    ],
)
def test_refused(tmp_path, text, word):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError) as refusal:
        read_predictions(tmp_path / "p.csv")
    assert word in str(refusal.value)
    assert ";" in str(refusal.value)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"p\.csv"):
        read_predictions(tmp_path / "p.csv")

"""Every refusal has one form: what is wrong and what was given; what is allowed; what to do."""

import ast
from pathlib import Path

import pytest

import medse

PACKAGE = Path(medse.__file__).parent


def text_of(node: ast.expr) -> str:
    """The literal text of a string, with ``{}`` for what is put in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(text_of(value) for value in values)
        case ast.BinOp(left=left, right=right):
            return text_of(left) + text_of(right)
    return "{}"


def refusals() -> list[tuple[str, str]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "InputError"
            ):
                found.append((f"{path.relative_to(PACKAGE)}:{node.lineno}", text_of(node.args[0])))
    return found


def test_there_are_many() -> None:
    assert len(refusals()) > 150


@pytest.mark.parametrize(("place", "text"), [pair for pair in refusals() if pair[1] != "{}"])
def test_the_form(place: str, text: str) -> None:
    assert ";" in text or text.endswith((": {}.", ": {}")), f"{place} does not say what to do"
    assert text.endswith((".", "{}")), f"{place} is not a sentence"
    assert not text.rstrip(".").endswith((".", ";")), place
    assert "\n" not in text, f"{place} is more than one line"

"""Templates filled into one HTML text that refers to nothing outside it."""

import base64
import hashlib
import math
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import Environment, FunctionLoader, StrictUndefined

from medse.pages.numbers import format_length, format_score, format_signed

SHARED = files("medse.pages")
STYLE_SHEET = SHARED.joinpath("style.css").read_text(encoding="utf-8")
"""What every page looks like, light and dark, narrow and printed."""
SORTABLE = SHARED.joinpath("sortable.js").read_text(encoding="utf-8")
"""Script that lets the headings of every table of the class ``sortable`` sort it."""
FILTERS = SHARED.joinpath("filter.js").read_text(encoding="utf-8")
"""Script that makes the fields of the class ``filter`` choose the rows of their table."""


def page_environment(templates: Traversable) -> Environment:
    """Return what fills the templates of a folder: escaping on, an undefined name an error.

    A template that the folder lacks is sought among those of :mod:`medse.pages`. Filters: ``data``, bytes as a
    ``data:`` address of an image of a kind; ``policy``, what a page with this one script may do; ``score``, ``mm``
    and ``signed``, numbers as :mod:`medse.pages.numbers` writes them. Tests: ``nan`` and ``finite``.
    """

    def read(name: str) -> str:
        own = templates.joinpath(name)
        return (own if own.is_file() else SHARED.joinpath(name)).read_text(encoding="utf-8")

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(read),
    )
    environment.filters |= {
        "data": _data_uri,
        "policy": _policy,
        "score": format_score,
        "mm": format_length,
        "signed": format_signed,
    }
    environment.tests |= {"nan": math.isnan, "finite": math.isfinite}
    return environment


def _data_uri(data: bytes, kind: str = "svg+xml") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _policy(script: str) -> str:
    """Let ``script`` run, which its hash tells from any other, and let nothing be loaded or sent."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )

"""Templates filled into one HTML text that refers to nothing outside it."""

import base64
import hashlib
import math
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import Environment, FunctionLoader, StrictUndefined

SORTABLE = files("medse.pages").joinpath("sortable.js").read_text(encoding="utf-8")
"""Script that lets the headings of every table of the class ``sortable`` sort it."""


def page_environment(templates: Traversable) -> Environment:
    """Return what fills the templates of a folder: escaping on, an undefined name an error.

    Filters: ``data``, bytes as a ``data:`` address of an image of a kind; ``policy``, what a page with
    this one script may do. Tests: ``nan`` and ``finite``.
    """

    def read(name: str) -> str:
        return templates.joinpath(name).read_text(encoding="utf-8")

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(read),
    )
    environment.filters |= {"data": _data_uri, "policy": _policy}
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

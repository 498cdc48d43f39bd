"""Templates filled into one HTML text that refers to nothing outside it."""

import base64
import hashlib
import math
from importlib.resources.abc import Traversable

from jinja2 import Environment, FunctionLoader, StrictUndefined


def page_environment(templates: Traversable) -> Environment:
    """Return what fills the templates of a folder: escaping on, an undefined name an error.

    Filters: ``data``, bytes as a ``data:`` address of an image of a kind; ``hash``, that of a script, by which the
    page's policy lets it run and no other. Tests: ``nan`` and ``finite``.
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
    environment.filters |= {"data": _data_uri, "hash": _hash}
    environment.tests |= {"nan": math.isnan, "finite": math.isfinite}
    return environment


def _data_uri(data: bytes, kind: str = "svg+xml") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")

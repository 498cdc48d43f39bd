"""Arguments that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class GeometryFix(StrEnum):
    """Ways to make headers agree that are known to be wrong."""

    COPY_AFFINE = "copy-affine"


Config = Annotated[
    Path, typer.Argument(help="YAML file, or the name of a packaged one such as quickstart.yaml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Values that replace those of the file: optimizer.lr=1e-3 net.attention=none ..."),
]
FixGeometry = Annotated[
    GeometryFix | None,
    typer.Option(
        help="Let a file whose shape fits and whose affine differs take the affine of its image; recorded. "
        "Only for headers known to be wrong.",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]

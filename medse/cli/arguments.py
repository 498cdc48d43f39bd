"""Arguments that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

OUT = ("--out", "-o")
"""How the option is written that says where something goes."""

Config = Annotated[
    Path, typer.Argument(help="YAML file, or the name of a packaged one such as quickstart.yaml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Values that replace those of the file: optimizer.lr=1e-3 net.attention=none ..."),
]
FixGeometry = Annotated[
    Literal["copy-affine"] | None,
    typer.Option(
        help="Let a file whose shape fits and whose affine differs take the affine of its image; recorded. "
        "Only for headers known to be wrong.",
    ),
]
Device = Annotated[
    str,
    typer.Option(help="What computes: auto (a CUDA GPU where there is one), cpu, cuda, cuda:1, ..., or mps."),
]
Dims = Annotated[Literal[2, 3], typer.Option(help="Spatial dimensions.")]

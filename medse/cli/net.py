"""The command ``medse net``."""

from typing import Annotated

import typer

from medse.cli.arguments import Dims
from medse.cli.terminal import console, quiet
from medse.machine import Precision


def net(
    name: Annotated[str | None, typer.Argument(help="A network's name; without one, all networks.")] = None,
    options: Annotated[
        list[str] | None,
        typer.Argument(help="Its options as in YAML: attention=scse 'channels=[32,64,128]' ..."),
    ] = None,
    dims: Dims = 3,
    patch: Annotated[
        str | None, typer.Option(help="N, or N,N,N: voxels along each axis; 256 in 2-D, 96 in 3-D.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Patches in a training step.")] = 2,
    in_channels: Annotated[int, typer.Option(help="Channels of the image.")] = 1,
    classes: Annotated[int, typer.Option(help="Classes including background.")] = 2,
    precision: Annotated[Precision, typer.Option(help="Precision of the training step.")] = "fp32",
) -> None:
    """List the networks, what they cost and when to use them; or one network with its options in detail."""
    from medse.cli.tables.nets import Setting, net_page, nets_table, read_patch

    setting = Setting(read_patch(patch, dims), batch, in_channels, classes, precision)
    quiet()
    found = nets_table(setting) if name is None else net_page(name, options or [], setting)
    console.print(found, highlight=False)

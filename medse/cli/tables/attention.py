"""The attention blocks on the terminal: all of them in a table, or one on a page; the command line prints them."""

import torch
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from torch import nn

from medse.attention import ATTENTION, DERIVED, make_attention
from medse.attention.table import guide
from medse.cli.tables.catalogue import list_members
from medse.cli.tables.options import defaults, options_table
from medse.cli.tables.quantities import COUNTED, by, percent, short
from medse.errors import InputError
from medse.profiling.cost import Cost, cost
from medse.registry import options_model, pick

SIZE = {2: 64, 3: 32}
"""Spatial dimensions -> length of each axis for which FLOPs are given, unless another is asked for."""

LARGEST = {2: 4096, 3: 256}
"""Spatial dimensions -> greatest length of each axis."""

WIDEST = 4096
"""Greatest number of channels; blocks of more would take long to build."""


def catalogue_table(channels: int, dims: int, size: int | None) -> Group:
    """List all blocks with their costs, and say which to use for what.

    Args:
        channels: Channels of the feature map.
        dims: Its spatial dimensions, 2 or 3.
        size: Length of each spatial axis; by default as in :data:`SIZE`.

    Raises:
        InputError: One of the numbers is not allowed. The sentence of a block that they do not suit stands below
            the table instead.
    """
    shape = _shape(channels, dims, size)
    title = f"Attention blocks on {_described(shape)}"
    table, refused = list_members(title, "block", ATTENTION, lambda name: _cost(name, shape))
    which = Table(title="Which one", title_justify="left", show_header=False)
    for purpose, names in guide().items():
        which.add_row(purpose, ", ".join(names))
    ending = f"More about a block: medse attention NAME. FLOPs are those {COUNTED}."
    return Group(table, *refused, which, ending)


def block_page(name: str, channels: int, dims: int, size: int | None) -> Group:
    """Describe one block.

    Args:
        name: One of :data:`medse.attention.ATTENTION`.
        channels: Channels of the feature map.
        dims: Its spatial dimensions, 2 or 3.
        size: Length of each spatial axis; by default as in :data:`SIZE`.

    Raises:
        InputError: There is no such block, one of the numbers is not allowed, or the block does not suit them.
    """
    block = pick(ATTENTION, name, "attention block")
    shape = _shape(channels, dims, size)
    found = _cost(name, shape)
    with torch.device("meta"):
        layer = (nn.Conv2d if dims == 2 else nn.Conv3d)(channels, channels, 3, padding=1)
    convolution = cost(layer, shape)
    kernel = "x".join(["3"] * dims)
    has_options = len(options_model(block, DERIVED, name).model_fields) > 1
    options = [options_table(block, DERIVED, name)] if has_options else []
    facts = [
        *(("paper", f"{p.authors}: {p.title}. {p.venue}, {p.year}.") for p in block.papers),
        ("does", block.what),
        ("use", block.use),
        *([("ours", block.ours)] if block.ours else []),
        (
            "parameters",
            f"{found.parameters:,}"
            + f" = {block.parameter_formula}; C channels, d axes" * bool(found.parameters),
        ),
        ("FLOPs", f"{short(found.flops)} forward on {_described(shape)}, {COUNTED}"),
        (
            "share",
            f"{percent(found.parameters, convolution.parameters)} of the parameters and "
            f"{percent(found.flops, convolution.flops)} of the FLOPs of a {kernel} convolution",
        ),
        ("in YAML", f"net: {{name: unet, attention: {name}}}"),
        *([("or", f"attention: {defaults(block, DERIVED, name)}")] if has_options else []),
    ]
    page = Table(title=f"{name}: {block.title}", title_justify="left", show_header=False, box=None)
    for title, text in facts:
        page.add_row(f"[bold]{title}[/bold]", escape(text))
    return Group(page, *options)


def _shape(channels: int, dims: int, size: int | None) -> tuple[int, ...]:
    length = SIZE[dims] if size is None else size
    for what, given, most in (("channels", channels, WIDEST), ("size", length, LARGEST[dims])):
        if not 1 <= given <= most:
            raise InputError(f"{what} is {given}; allowed are 1 to {most} in {dims}-D; choose one of these.")
    return (1, channels, *(length,) * dims)


def _cost(name: str, shape: tuple[int, ...]) -> Cost:
    return cost(make_attention(name, len(shape) - 2, shape[1]), shape)


def _described(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} channels of {by(shape[2:])}"

"""The networks on the terminal: all of them in a table, or one on a page; the command line prints them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from torch import nn

from medse.cli.tables.catalogue import list_members
from medse.cli.tables.net_facts import fact_rows
from medse.cli.tables.options import options_table
from medse.cli.tables.quantities import COUNTED, by
from medse.config.overrides import apply_overrides
from medse.config.run import options
from medse.config.strict_yaml import Source
from medse.config.validation import validate
from medse.errors import InputError
from medse.machine import Precision
from medse.nets import NETS
from medse.nets.network import DERIVED
from medse.profiling.cost import cost
from medse.profiling.facts import net_facts
from medse.registry import options_model, pick

PATCH = {2: (256, 256), 3: (96, 96, 96)}
"""Spatial dimensions -> patch, unless another is asked for."""

MOST = 4096
"""Greatest length of an axis, batch, and number of channels and classes."""


@dataclass(frozen=True)
class Setting:
    """What the networks are built for.

    Attributes:
        patch: Voxels along each axis; two lengths make the networks 2-D.
        batch: Patches in a training step.
        in_channels: Channels of the image.
        classes: Classes.
        precision: Precision of the training step.
    """

    patch: tuple[int, ...]
    batch: int = 2
    in_channels: int = 1
    classes: int = 2
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        numbers = {"batch": (self.batch,), "in-channels": (self.in_channels,), "classes": (self.classes,)}
        for what, given in {"patch": self.patch, **numbers}.items():
            if not all(1 <= number <= MOST for number in given):
                raise InputError(f"{what} is {by(given)}; allowed are 1 to {MOST}; choose one of these.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the images of a training step."""
        return (self.batch, self.in_channels, *self.patch)

    @property
    def words(self) -> str:
        """All of it but the batch and the precision."""
        channels = "1 channel" if self.in_channels == 1 else f"{self.in_channels} channels"
        return f"{channels} of {by(self.patch)} to {self.classes} classes"


def read_patch(text: str | None, dims: int) -> tuple[int, ...]:
    """Return the patch that ``96`` or ``96,96,64`` means, or the one of :data:`PATCH` where nothing is given.

    Raises:
        InputError: The text is not one whole number or one for each axis.
    """
    if text is None:
        return PATCH[dims]
    lengths = text.split(",")
    if not all(length.strip().isdecimal() for length in lengths) or len(lengths) not in (1, dims):
        raise InputError(
            f"patch is {text!r}; allowed is one whole number or {dims} with commas between; write it like "
            f"{','.join(map(str, PATCH[dims]))}, or choose other dims."
        )
    found = tuple(int(length) for length in lengths)
    return found * dims if len(found) == 1 else found


def nets_table(setting: Setting) -> Group:
    """List all networks with their costs.

    Args:
        setting: What they are built for.
    """
    table, refused = list_members(
        f"Networks from {setting.words}",
        "net",
        NETS,
        lambda name: cost(_build(name, {}, setting), (1, *setting.shape[1:])),
    )
    return Group(table, *refused, f"More about a network: medse net NAME. FLOPs are those {COUNTED}.")


def net_page(name: str, given: Sequence[str], setting: Setting) -> Group:
    """Describe one network.

    Args:
        name: One of :data:`medse.nets.NETS`.
        given: Options of the network, ``option=value``, the values in YAML.
        setting: What it is built for.

    Raises:
        InputError: There is no such network, an option cannot be used, or the network cannot be built so.
    """
    kind = pick(NETS, name, "network")
    model = options_model(kind, DERIVED, name)
    source = apply_overrides(Source(Path(name), {"name": name}, {}), given, model)
    chosen = options(validate(source, model))
    plain = None if chosen["attention"] is None else _build(name, chosen | {"attention": None}, setting)
    net = _build(name, chosen, setting)
    facts = net_facts(net, plain, setting.shape, precision=setting.precision, device="cpu")
    written = yaml.safe_dump(source.tree, default_flow_style=True, sort_keys=False, width=float("inf"))
    rows = [
        *(("paper", f"{p.authors}: {p.title}. {p.venue}, {p.year}.") for p in kind.papers),
        ("is", kind.what),
        ("use", kind.use),
        ("here", f"{kind.task} from {setting.words}"),
        *fact_rows(facts).items(),
        ("in YAML", f"net: {written.strip()}"),
    ]
    page = Table(title=f"{name}: {kind.title}", title_justify="left", show_header=False, box=None)
    page.add_column(no_wrap=True)
    page.add_column()
    for title, text in rows:
        page.add_row(f"[bold]{title}[/bold]", escape(text))
    return Group(page, options_table(kind, DERIVED, name))


def _build(name: str, chosen: dict[str, Any], setting: Setting) -> nn.Module:
    """Build a network that has shapes and no values."""
    with torch.device("meta"):
        return NETS[name](len(setting.patch), setting.in_channels, setting.classes, **chosen)

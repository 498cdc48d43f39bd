"""Putting attention behind modules of an existing net, and taking it away again."""

from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from medse.attention.attach.dry_run import observe
from medse.attention.table import Attention, make_attention
from medse.errors import InputError, Refusals, nearest
from medse.registry import check_arguments

Where = str | type[nn.Module] | tuple[type[nn.Module], ...]
"""Modules of a net, by a pattern of their names or by their type."""

CONTAINER = "attached_attention"
"""Name of the child of the net that holds the blocks."""


@check_arguments("attention")
def attach(net: nn.Module, attention: Attention, where: Where, *, example: Tensor | None = None) -> list[str]:
    """Put an attention block behind chosen modules of a net.

    From then on the output of each chosen module goes through a block of its own. The modules and the keys
    of the net's state dict stay as they are; the blocks come as one more child, ``attached_attention``::

        net = monai.networks.nets.SegResNet(spatial_dims=3, in_channels=4, out_channels=3)
        net.load_state_dict(torch.load("before.pt"))
        attach(net, {"name": "scse", "reduction": 2}, "down_layers.*")  # or where=ResBlock
        optimizer = torch.optim.AdamW(net.parameters())
        ...
        detach(net)

    A state dict from before attaching loads with ``strict=True`` (the blocks keep their values), and so does
    one from after it. ``copy.deepcopy``, pickling, ``torch.compile`` before or after, and autocast work;
    ``nn.DataParallel`` does not. An ``nn.Sequential`` gets the child as its last layer, which changes nothing
    but the meaning of ``net[-1]``.

    To find the channels, a copy of the net runs in evaluation mode on shapes without values, at two sizes;
    the net, its batch statistics and the random state are left alone. The blocks take the device and the type
    of the module's parameters (the net's where it has none) and the training mode of the net.

    Args:
        net: A net that works on one tensor ``(B, C, *spatial)`` with 2 or 3 spatial axes.
        attention: What :func:`medse.attention.make_attention` takes.
        where: A type of module, or several; or a pattern for the names in ``net.named_modules()``, level by
            level: ``encoder.*.conv`` means ``encoder.0.conv`` but not ``encoder.0.block.conv``, ``down_?``
            means ``down_1``. The net itself is never meant.
        example: An input, for a net whose input cannot be guessed; a copy of the net runs on it. If the net
            takes this size only, axis 1 of each output is believed to be the channels.

    Returns:
        The names of the chosen modules, in the order of ``net.named_modules()``.

    Raises:
        InputError: Nothing matches; a chosen module has attention already; its output is not one map
            ``(B, C, *spatial)`` with the same channels at every call; the block does not fit the channels; or
            the net does not run. Nothing has been changed then.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> attach(net, "eca", nn.ReLU)
        ['1']
    """
    if hasattr(
        net, "_orig_mod"
    ):  # private, but the type of what torch.compile returns has no public name either
        raise InputError(
            "Attention cannot be attached to what torch.compile returned, whose state dict differs from the "
            "net's; a plain net is needed; give the net that was compiled, and the compiled one follows."
        )
    places = _chosen(net, where)
    replaced = [name for name, module in places.items() if "forward" in vars(module)]
    if replaced:
        raise InputError(
            f"{', '.join(map(repr, replaced))} has attention or another forward of its own already; a module "
            "takes one block; detach the net first, or choose other modules."
        )
    observed = observe(net, list(places), example)
    blocks: dict[str, nn.Module] = {}
    refusals = Refusals()
    for name, module in places.items():
        with refusals:
            like = next(x for x in (*module.parameters(), *net.parameters(), example) if x is not None)
            block = _make(attention, observed.spatial_dims, observed.channels(name), name)
            blocks[name] = block.to(like.device, like.dtype).train(net.training)
    refusals.raise_any()
    if CONTAINER not in dict(net.named_children()):
        net.add_module(CONTAINER, AttachedAttention())
    container = net.get_submodule(CONTAINER)
    for name, block in blocks.items():
        block.register_load_state_dict_pre_hook(_keep_values_if_absent)  # type: ignore[no-untyped-call]
        container.add_module(name.replace(".", "/"), block)
        places[name].forward = AttendedForward(places[name], block)
    return list(places)


@check_arguments()
def detach(net: nn.Module) -> None:
    """Take away everything that :func:`attach` added to the net.

    With the weights of before, its output is that of before, bit for bit.

    Raises:
        InputError: ``net`` has no attached attention.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> names = attach(net, "eca", nn.ReLU)
        >>> detach(net)
        >>> len(net)
        3
    """
    container = dict(net.named_children()).get(CONTAINER)
    if container is None:
        raise InputError(
            f"This {type(net).__name__} has no attached attention to take away; detach works on the net that "
            "attach was given; give that one."
        )
    blocks = set(container.children())
    for module in net.modules():
        forward = vars(module).get("forward")
        if isinstance(forward, AttendedForward) and forward.block in blocks:
            del module.forward
    delattr(net, CONTAINER)


class AttachedAttention(nn.Module):
    """Holds the blocks that :func:`medse.attention.attach` made, as a child of the net.

    The block behind ``encoder.0.conv`` is its child ``encoder/0/conv``, so the state dict of the net calls the
    tensors of that block ``attached_attention.encoder/0/conv.*``. As the last layer of an ``nn.Sequential`` it
    returns what it is given.
    """

    def forward(self, x: Any) -> Any:
        """Return ``x``."""
        return x


class AttendedForward:
    """Stands as ``forward`` on a chosen module and passes the output of the class's own through the block.

    An attribute of the module is used and no forward hook, because compiled code checks the former and not
    the latter: with hooks, a net would run the code that was compiled for another one without attention.
    An object is used and no function, so that the copy of a net refers to the copied block.
    """

    def __init__(self, module: nn.Module, block: nn.Module) -> None:
        self.module = module
        self.block = block

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.block(type(self.module).forward(self.module, *inputs, **options))


def _keep_values_if_absent(block: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Let a state dict that has not one tensor of the block leave the block as it is."""
    if not any(key.startswith(prefix) for key in state):
        state.update({prefix + key: value for key, value in block.state_dict().items()})


def _make(attention: Attention, spatial_dims: int, channels: int, name: str) -> nn.Module:
    try:
        return make_attention(attention, spatial_dims, channels)
    except InputError as error:
        raise InputError(f"No attention can be put behind {name!r}: {error}") from error


def _chosen(net: nn.Module, where: Where) -> dict[str, nn.Module]:
    """Return the modules that ``where`` means, by name."""
    ours = {m for child in net.modules() if isinstance(child, AttachedAttention) for m in child.modules()}
    modules = {name: module for name, module in net.named_modules() if name and module not in ours}
    found = {
        name: module
        for name, module in modules.items()
        if (_fits(name, where) if isinstance(where, str) else isinstance(module, where))
    }
    if found:
        return found
    if isinstance(where, str):
        raise InputError(
            f"No module of this {type(net).__name__} is called {where!r};{nearest(where, modules)} a star stands "
            "within one level, as in 'encoder.*.conv'; net.named_modules() lists the names."
        )
    types = sorted({type(module).__name__ for module in modules.values()})
    wanted = [kind.__name__ for kind in (where if isinstance(where, tuple) else (where,))]
    hints = [hint for hint in (nearest(name, types) for name in wanted) if hint]
    raise InputError(
        f"No module of this {type(net).__name__} is of type {' or '.join(wanted)};{''.join(hints[:1])} "
        f"available: {', '.join(types)}."
    )


def _fits(name: str, pattern: str) -> bool:
    names, patterns = name.split("."), pattern.split(".")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))

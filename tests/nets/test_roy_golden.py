"""Equality of QuickNAT and SD-Net with the authors' own code: the outputs and input gradients that it computed.

Gradients of parameters and running statistics are not stored for these cases; they are compared with those of a
second writing in plain PyTorch, which is itself compared with what is stored.

The cases hold these faults of the published code, none of which is ours:

* ``sdnet_*_cse``: the authors' block takes the concurrent block (scSE) when cSE is asked for, so that case holds scSE
  weights and is matched by building scse (``BUILT``).
* ``*_cse`` and ``*_csse`` of all blocks: the authors' blocks hand their attention an argument that it does not take,
  and stop; the cases were computed without that argument, which is what ours does.
* ``quicknat_sse``: the middle block holds an attention layer that is never applied. The case has its weights, on
  which nothing depends; ours has no such layer (``QUICKNAT_UNUSED``).
"""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medse.attention.author_weights import author_names
from medse.attention.block import AttentionBlock
from medse.nets.published_names import QUICKNAT_UNUSED, quicknat_names
from medse.nets.quicknat import QuickNAT
from medse.nets.sdnet import SDNet
from tests.support import roy_reference

GOLDEN = Path(os.environ.get("MEDSE_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
ATTENTION = {"NONE": None, "CSE": "cse", "SSE": "sse", "CSSE": "scse"}
BUILT = {("sdnet", "CSE"): "scse"}
"""Attention of cases that hold another one than their name says."""


def golden_cases(*blocks: str) -> list[Any]:
    if not GOLDEN.is_dir():
        return []
    cases = json.loads((GOLDEN / "manifest.json").read_text())["cases"]
    return [
        pytest.param(case, mode, id=f"{case['file']}-{mode}")
        for case in cases
        if case["block"] in blocks
        for mode in case["modes"]
    ]


def built(case: dict[str, Any]) -> SDNet | QuickNAT:
    """Return a network of ours of which the case's block, or network, is a part."""
    given = case["ctor"]
    kind = given.get("se_block_type", given.get("se_block"))
    name, _, part = case["block"].partition("_")
    attention = BUILT.get((name, kind), ATTENTION[kind])
    image = given["num_channels"] if part != "decoder" else 1
    net: Any = QuickNAT if name == "quicknat" else SDNet
    width = given["num_filters"]
    return net(
        2,
        image,
        given.get("num_class", 2),
        channels=width if net is QuickNAT else (width,),
        kernel_size=given["kernel"],
        strides=given.get("pool", 2),
        attention=attention,
        dropout=given["drop_out"],
    )


def names_of(net: SDNet | QuickNAT, part: str) -> dict[str, str]:
    """Return the names in the first encoder or decoder of ``net`` with those of the authors' single block."""
    prefix = f"{part}s.0."
    if isinstance(net, QuickNAT):
        names = quicknat_names(net).items()
        return {n.removeprefix(prefix): a.partition(".")[2] for n, a in names if n.startswith(prefix)}
    theirs = {"0.conv": "conv", "0.adn.A": "prelu", "0.adn.N": "batchnorm"}
    layers: Any = net.get_submodule(f"{prefix}layers")
    names = {}
    for name in layers.state_dict():
        layer, _, rest = name.rpartition(".")
        if layer in theirs:
            names[f"layers.{name}"] = f"{theirs[layer]}.{rest}"
    if isinstance(layers[1], AttentionBlock):
        names |= {f"layers.1.{n}": f"SELayer.{a}" for n, a in author_names(layers[1])[0].items()}
    return names


class Case:
    """A stored case: a module of ours with the authors' weights, and these weights for the second writing."""

    def __init__(self, case: dict[str, Any], module: nn.Module, names: dict[str, str], mode: str) -> None:
        self.case, self.module, self.names, self.mode = case, module.train(mode == "train"), names, mode
        self.type = next(module.parameters()).dtype
        self.stored = np.load(GOLDEN / case["file"])
        self.inputs = np.load(GOLDEN / case["input_file"]) if case["input_file"] else self.stored
        self.state = {name: self.array(f"sd/{name}") for name in case["state_dict"]}
        assert set(names.values()) == {name for name in self.state if not name.startswith(QUICKNAT_UNUSED)}
        module.load_state_dict({ours: self.state[theirs] for ours, theirs in names.items()})
        for ours, _ in module.named_parameters():
            self.state[names[ours]].requires_grad_()

    def array(self, name: str) -> Tensor:
        stored = torch.from_numpy(self.stored[name])
        return stored.to(self.type if stored.is_floating_point() else torch.int64)

    def input(self, name: str) -> Tensor:
        return torch.from_numpy(self.inputs[name]).to(self.type).requires_grad_()

    def check(self, value: Tensor | None, name: str) -> None:
        assert value is not None
        allowed = {"atol": self.case["atol"], "rtol": self.case["rtol"]}
        torch.testing.assert_close(
            value.detach(), self.array(name), **allowed, msg=lambda why: f"{name}: {why}"
        )

    def check_parameters_and_statistics(self) -> None:
        """Compare what is not stored with the second writing, which has run forward and back too."""
        if self.type == torch.float32:
            return  # sums that cancel, such as those for biases before a normalisation, are rounding
        for name, parameter in self.module.named_parameters():
            torch.testing.assert_close(
                parameter.grad, self.state[self.names[name]].grad, atol=1e-9, rtol=1e-9
            )
        for name, buffer in self.module.named_buffers():
            if not name.endswith("num_batches_tracked"):
                torch.testing.assert_close(buffer, self.state[self.names[name]], atol=1e-12, rtol=1e-9)


pytestmark = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason="golden files of the authors' code are not on this machine"
)

TYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


@TYPES
@pytest.mark.parametrize(("case", "mode"), golden_cases("quicknat_encoder", "sdnet_encoder"))
def test_encoder_equals_the_authors_code(case: dict[str, Any], mode: str, dtype: torch.dtype) -> None:
    net = built(case).to(dtype)
    golden = Case(case, net.encoders[0], names_of(net, "encoder"), mode)
    again = partial(roy_reference.encoder, golden.state, train=mode == "train")
    for run in (golden.module, again):
        x = golden.input("x")
        pooled, full, indices = run(x)
        ((pooled * golden.array("r_pooled")).sum() + (full * golden.array("r_full")).sum()).backward()
        golden.check(pooled, f"pooled_{mode}")
        golden.check(full, f"full_{mode}")
        assert torch.equal(indices, golden.array(f"indices_{mode}"))
        golden.check(x.grad, f"gx_{mode}")
    golden.check_parameters_and_statistics()
    assert sum(p.numel() for p in golden.module.parameters()) == case["n_params"]


@TYPES
@pytest.mark.parametrize(("case", "mode"), golden_cases("quicknat_decoder", "sdnet_decoder"))
def test_decoder_equals_the_authors_code(case: dict[str, Any], mode: str, dtype: torch.dtype) -> None:
    net = built(case).to(dtype)
    golden = Case(case, net.decoders[0], names_of(net, "decoder"), mode)
    again = partial(roy_reference.decoder, golden.state, train=mode == "train")
    for run in (golden.module, again):
        low, skip = golden.input("low"), golden.input("skip")
        y = run(low, skip, golden.array("indices"))
        (y * golden.array("r")).sum().backward()
        golden.check(y, f"y_{mode}")
        golden.check(low.grad, f"g_low_{mode}")
        golden.check(skip.grad, f"g_skip_{mode}")
    golden.check_parameters_and_statistics()
    assert sum(p.numel() for p in golden.module.parameters()) == case["n_params"]


@TYPES
@pytest.mark.parametrize(("case", "mode"), golden_cases("quicknat"))
def test_network_equals_the_authors_code(case: dict[str, Any], mode: str, dtype: torch.dtype) -> None:
    net = built(case).to(dtype)
    golden = Case(case, net, quicknat_names(net), mode)
    again = partial(roy_reference.quicknat, golden.state, train=mode == "train")
    for run in (net, again):
        x = golden.input("x")
        y = run(x)
        (y * golden.array("r")).sum().backward()
        golden.check(y, f"y_{mode}")
        golden.check(x.grad, f"gx_{mode}")
    golden.check_parameters_and_statistics()
    unused = sum(t.numel() for name, t in golden.state.items() if name.startswith(QUICKNAT_UNUSED))
    assert sum(p.numel() for p in net.parameters()) + unused == case["n_params"]

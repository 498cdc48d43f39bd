"""Equality with the authors' own code: outputs, gradients and running statistics it computed."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medse.attention import make_attention
from medse.attention.author_weights import BASIS, author_names, load_author_weights
from medse.attention.block import AttentionBlock

GOLDEN = Path(os.environ.get("MEDSE_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))

BEFORE_BATCH_NORM = ("reduce.bias", "weigh.0.bias", "weigh.1.bias", "weigh.2.bias")
"""Biases that the normalisation after them removes, in training."""


def options_of(case: dict[str, Any]) -> dict[str, Any] | None:
    """Return our options for the authors' constructor, None for a case that is no block of ours."""
    given = case["ctor"]
    match case["block"].removesuffix("3d"):
        case "cse" | "scse" | "pe" as name:
            return {"name": name, "reduction": given["reduction_ratio"]}
        case "sse":
            return {"name": "sse"}
        case "eca" | "eca_ns" as name:
            return {"name": "eca", "kernel_size": given["k_size"], "shared": name == "eca"}
        case "fca":
            method, plane = given["freq_sel_method"], [given["dct_h"], given["dct_w"]]
            basis = {"selection": method[:3], "components": int(method[3:]), "size": plane}
            if min(plane) < 7:  # there the authors' code takes the mean for every component
                basis |= {"selection": "low", "components": 1}
            return {"name": "fca", "reduction": given["reduction"], **basis}
        case "coordatt":
            return {"name": "coord", "reduction": given["reduction"]}
        case "simam":
            return {"name": "simam", "lambda": given["e_lambda"]}
        case "cbam":
            return {"name": "cbam", "reduction": given["reduction"]}
        case "spse":
            return {"name": "spse", "reduction": given["reduction"], "levels": given["pool_sizes"]}
        case "rgse":
            return {"name": "rgse", "reduction": given["channels"] // given["hidden"], "grid": given["grid"]}
    return None


def golden_cases() -> list[dict[str, Any]]:
    if not GOLDEN.is_dir():
        return []
    cases = json.loads((GOLDEN / "manifest.json").read_text())["cases"]
    return [case for case in cases if options_of(case)]


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="golden files of the authors' code are not on this machine")
@pytest.mark.parametrize(
    ("case", "mode"),
    [
        pytest.param(case, mode, id=f"{case['file']}-{mode}")
        for case in golden_cases()
        for mode in case["modes"]
    ],
)
def test_equals_the_authors_code(case: dict[str, Any], mode: str) -> None:
    stored, inputs = np.load(GOLDEN / case["file"]), np.load(GOLDEN / case["input_file"])
    x = torch.from_numpy(inputs["x"]).requires_grad_()
    block: Any = make_attention(options_of(case), case["spatial_dims"], x.shape[1])
    assert isinstance(block, AttentionBlock)
    load_author_weights(block, {key: torch.from_numpy(stored[f"sd/{key}"]) for key in case["state_dict"]})
    block.train(mode == "train")
    y = block(x)
    (y * torch.from_numpy(inputs["r"])).sum().backward()
    tolerance = {"atol": case["atol"], "rtol": case["rtol"]}
    few = mode == "train" and case["block"] in ("spse", "rgse")  # batch normalisation of two samples
    torch.testing.assert_close(y.detach(), torch.from_numpy(stored[f"y_{mode}"]), **tolerance)
    gradient = (
        tolerance | {"atol": 1e-4} if few else tolerance
    )  # float64 arithmetic is 5e-5 from what is stored
    torch.testing.assert_close(x.grad, torch.from_numpy(stored[f"gx_{mode}"]), **gradient)
    names = next(n for n in author_names(block) if set(n.values()) == set(case["state_dict"]) - {BASIS})
    for name, parameter in block.named_parameters():
        expected = torch.from_numpy(stored[f"pg_{mode}/{names[name]}"]).reshape(parameter.shape)
        allowed = tolerance | {"atol": 5e-3} if few else dict(tolerance)
        if case["block"] == "fca":  # sums that cancel: float64 arithmetic is 4 tolerances from what is stored
            allowed["atol"] = 1e-6 * expected.abs().max().item()
        if mode == "train" and name in BEFORE_BATCH_NORM:  # exactly 0; what is stored is rounding
            allowed["atol"] = max(allowed["atol"], 5e-5)
        torch.testing.assert_close(parameter.grad, expected, **allowed)
    for name, buffer in block.named_buffers():
        if mode == "train" and not name.endswith("num_batches_tracked"):  # theirs was set back after the call
            expected = torch.from_numpy(stored[f"after_train/{names[name]}"])
            torch.testing.assert_close(buffer, expected, **tolerance)
    assert sum(p.numel() for p in block.parameters()) == case["n_params"]

"""Multi-spectral attention: the authors' numbers, an independent transcription in 2-D and 3-D, and the search."""

import copy
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode

from medse.attention.channel import SqueezeExcitation
from medse.attention.fca.frequencies import RANKINGS, ranked
from medse.attention.fca.spectral import SpectralAttention
from medse.errors import InputError
from medse.registry import options_model

GOLDEN = Path(os.environ.get("MEDSE_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
KINDS = [(2, "top"), (2, "low"), (2, "bot"), (2, "nas"), (3, "low"), (3, "nas")]
EVERY = pytest.mark.parametrize(("spatial_dims", "selection"), KINDS)
Array = npt.NDArray[np.float64]

ON_AXIS = {
    1: [0, 0, 0, 0, 0, 0, 0],
    2: [0, 1, 1, 1, 1, 1, 1],
    3: [0, 1, 1, 1, 2, 2, 2],
    4: [0, 1, 1, 2, 2, 3, 3],
    5: [0, 1, 2, 2, 3, 4, 4],
    6: [0, 1, 2, 3, 4, 5, 5],
    7: [0, 1, 2, 3, 4, 5, 6],
    13: [0, 1, 2, 3, 4, 5, 6],
    15: [0, 2, 4, 6, 8, 10, 12],
    29: [0, 4, 8, 12, 16, 20, 24],
}
"""Length of an axis -> the frequencies that indices 0 to 6 stand for, worked out by hand."""


def make(spatial_dims: int, selection: str | None, channels: int = 12, **options: Any) -> SpectralAttention:
    torch.manual_seed(0)
    options = {"components": 5, "reduction": 4} | options
    block = SpectralAttention(spatial_dims, channels, selection=selection, **options)  # type: ignore[arg-type]
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    return block


def features(*shape: int, **options: Any) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), **options)


def transcription(block: SpectralAttention, x: Array, share: float = 0.0) -> Array:
    """The block in NumPy: whole transforms, one channel after the other."""
    spatial, weights = (
        x.shape[2:],
        [layer.weight.detach().double().numpy() for layer in (block.fc1, block.fc2)],
    )
    transformed = dctn(x, axes=tuple(range(2, x.ndim)), norm="ortho")
    z = np.zeros(x.shape[:2])
    for channel in range(x.shape[1]):
        group = channel * 5 // x.shape[1]
        coefficients = transformed[:, channel]
        for axis, length in enumerate(spatial, start=1):
            coefficients = np.take(coefficients, ON_AXIS[length], axis=axis)  # (B, 7, 7)
        if block.search is None:
            z[:, channel] = coefficients[(slice(None), *block.indices[group])]
        else:
            scores = block.search.scores[group].detach().double().numpy() / 0.01**share
            mixture = np.exp(scores - scores.max())
            z[:, channel] = coefficients.reshape(len(x), -1) @ (mixture / mixture.sum())
    gates = 1 / (1 + np.exp(-np.maximum(z @ weights[0].T, 0) @ weights[1].T))
    y: Array = x * gates.reshape(*gates.shape, *(1,) * len(spatial))
    return y


def test_only_index_zero_stands_for_the_mean() -> None:
    for length in range(2, 40):
        filters = make(2, "top", 32, components=32).filters((length, length))
        constant = (filters.amax((1, 2)) - filters.amin((1, 2))) < 1e-6
        assert constant.nonzero().flatten().tolist() == [0]
        assert filters.square().sum((1, 2)).sub(1).abs().max() < 1e-5


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    batch=st.integers(1, 3),
    spatial=st.tuples(*[st.sampled_from(list(ON_AXIS))] * 3),
    channels=st.integers(5, 20),
)
def test_any_shape(kind: tuple[int, str], batch: int, spatial: tuple[int, int, int], channels: int) -> None:
    block = make(*kind, channels).double()
    x = features(batch, channels, *spatial[: kind[0]], dtype=torch.float64)
    np.testing.assert_allclose(block(x).detach(), transcription(block, x.numpy()), atol=1e-11)


def test_a_volume_of_equal_slices_is_the_slice_times_a_root() -> None:
    flat, deep = make(2, "top"), make(3, "low")
    deep.indices = [(0, *index) for index in flat.indices]
    deep.load_state_dict({"fc1.weight": flat.fc1.weight / 6**0.5, "fc2.weight": flat.fc2.weight})
    x = features(2, 12, 8, 9)
    repeated = x.unsqueeze(2).expand(-1, -1, 6, -1, -1)
    torch.testing.assert_close(deep(repeated), flat(x).unsqueeze(2).expand_as(repeated))


@pytest.mark.parametrize("spatial", [(7, 7), (9, 4), (3, 8, 5)])
def test_the_lowest_component_is_squeeze_and_excitation(spatial: tuple[int, ...]) -> None:
    block = make(len(spatial), "low", components=1)
    plain = SqueezeExcitation(len(spatial), 12, reduction=4, bias=False)
    root = float(np.prod(spatial)) ** 0.5
    plain.load_state_dict({"fc1.weight": block.fc1.weight * root, "fc2.weight": block.fc2.weight})
    x = features(2, 12, *spatial) + 1
    torch.testing.assert_close(block(x), plain(x))


def test_channels_are_dealt_in_groups_of_neighbours() -> None:
    filters = make(2, "top", 13, components=4).filters((7, 7))
    lowest = make(2, "top", 4, components=4).filters((7, 7))
    expected = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    torch.testing.assert_close(filters, lowest[expected], rtol=0, atol=0)


def test_rankings() -> None:
    assert {name: len(set(table)) for name, table in RANKINGS.items()} == {"low": 32, "top": 32, "bot": 32}
    top, bottom = RANKINGS["top"], RANKINGS["bot"]
    assert len({*top, *bottom[:17]}) == 49  # the best 32 and the worst 17 are all
    assert top[-15:] == bottom[:-16:-1]  # and both rankings agree where they meet
    sums = [sum(index) for index in RANKINGS["low"]]
    assert sums == [0, 1, 1, 2, 2, 2, 3, 3, 4, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, *[6] * 7, *[7] * 4]
    assert ranked("low", 6, 3) == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0, 2), (0, 1, 1)]
    assert ranked("low", 32, 3)[-1] == (2, 2, 0)


def test_parameters_and_state() -> None:
    for spatial_dims, scores in ((2, 16 * 49), (3, 16 * 343)):
        for selection, extra in ((None, 0), ("nas", scores)):
            block = SpectralAttention(spatial_dims, 64, selection=selection)  # type: ignore[arg-type]
            assert sum(p.numel() for p in block.parameters()) == 2 * 64 * 4 + extra
            state = block.state_dict()
            names = {"search.scores", "search.temperature", "search.choice"} if selection else set()
            assert state.keys() == {"fc1.weight", "fc2.weight"} | names
            assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    assert SpectralAttention(2, 64).indices == RANKINGS["top"][:16]
    assert SpectralAttention(3, 64).indices == ranked("low", 16, 3)


def test_what_is_kept_between_calls_hurts_nobody() -> None:
    block, x = make(2, "top"), features(2, 12, 11, 9)
    mode = FakeTensorMode()  # shapes without values
    with FakeCopyMode(mode):
        without_values = copy.deepcopy(block)
    with mode:
        assert without_values(mode.from_tensor(x)).shape == x.shape
    with torch.inference_mode():
        first = block(x)
    ours = x.clone().requires_grad_()
    second = block(ours)
    second.sum().backward()
    third = pickle.loads(pickle.dumps(copy.deepcopy(block)))(x)
    torch.testing.assert_close((first.clone(), third), (second, second), rtol=0, atol=0)
    assert block.double()(x.double()).dtype == torch.float64


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (
            (3, 64),
            {"selection": "top"},
            "'top' does not exist in 3-D: the authors ranked 2-D .* low and nas;",
        ),
        ((3, 64), {"selection": "bot"}, "'bot' does not exist in 3-D"),
        ((2, 8), {"reduction": 2}, "components 16 does not fit 8 channels.* 1 to 8; set components"),
        ((2, 64), {"components": 33}, "components = 33: .* >= 1 and <= 32"),
        ((2, 64), {"reduction": 65}, "reduction 65 does not fit 64 channels"),
        ((3, 64), {"size": (7, 7)}, r"size is \(7, 7\) in 3-D; allowed are one length, or one for each of 3"),
        ((2, 64), {"selection": "best"}, "selection: unknown name 'best'; .*bot, low, nas, top"),
    ],
)
def test_what_cannot_work_is_explained(arguments: Any, options: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        SpectralAttention(*arguments, **options)


def test_the_schema_is_strict() -> None:
    model = options_model(SpectralAttention, {"self", "spatial_dims", "channels"})
    parsed = model.model_validate_json('{"selection": "nas", "components": 8, "size": [14, 7]}', strict=True)
    assert parsed.model_dump() == {
        "selection": "nas",
        "components": 8,
        "size": (14, 7),
        "reduction": 16,
        "gate": "sigmoid",
    }
    for wrong in (
        '{"components": 33}',
        '{"size": 0}',
        '{"size": [7]}',
        '{"size": 7.5}',
        '{"selection": "lo"}',
    ):
        with pytest.raises(ValueError, match="validation error"):
            model.model_validate_json(wrong, strict=True)


# ---- the search


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_annealing_goes_from_a_mixture_to_one_component(spatial_dims: int) -> None:
    block = make(spatial_dims, "nas").double()
    assert block.search is not None
    x = features(2, 12, *(7, 5, 4)[:spatial_dims], dtype=torch.float64)
    for share, temperature in ((0.0, 1.0), (0.5, 0.1), (1.0, 0.01)):
        block.search.anneal(share)
        assert block.search.temperature.item() == pytest.approx(temperature)
        np.testing.assert_allclose(block(x).detach(), transcription(block, x.numpy(), share), atol=1e-11)
        assert (block.search.choice == -1).all()


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_every_score_starts_equal_and_learns(spatial_dims: int) -> None:
    torch.manual_seed(0)
    block = SpectralAttention(spatial_dims, 32, selection="nas", reduction=2)
    assert block.search is not None
    weights = block.search.weights(torch.float32)
    torch.testing.assert_close(weights, torch.full_like(weights, 7.0**-spatial_dims))
    x = features(4, 32, *(8, 9, 7)[:spatial_dims])
    (block(x) * x.flip(0)).sum().backward()
    assert block.search.scores.grad is not None
    assert block.search.scores.grad.abs().min() > 0


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_frozen_search_is_a_fixed_selection(spatial_dims: int) -> None:
    block = make(spatial_dims, "nas")
    assert block.search is not None
    best = block.search.scores.argmax(1)
    before = block.search.chosen()
    assert before == [np.unravel_index(i, (7,) * spatial_dims) for i in best.tolist()]
    block.search.freeze()
    with torch.no_grad():
        block.search.scores.neg_()  # what happens to the scores no longer matters
    block.search.anneal(0)
    block.search.freeze()
    assert block.search.chosen() == before
    fixed = make(spatial_dims, "low")
    fixed.load_state_dict({name: block.state_dict()[name] for name in ("fc1.weight", "fc2.weight")})
    fixed.indices = before
    other = make(spatial_dims, "nas")
    other.load_state_dict(block.state_dict())
    x = features(2, 12, *(9, 5, 7)[:spatial_dims])
    for mode in (True, False):
        ours, theirs = (x.clone().requires_grad_() for _ in range(2))
        y, expected = block.train(mode)(ours), fixed.train(mode)(theirs)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(other.train(mode)(x), y, rtol=0, atol=0)
        torch.autograd.backward((y.square().sum(), expected.square().sum()))
        torch.testing.assert_close(ours.grad, theirs.grad)
    assert block.search.scores.grad is not None
    assert not block.search.scores.grad.any()
    torch.testing.assert_close(block.filters((5,) * spatial_dims), fixed.filters((5,) * spatial_dims))


# ---- the authors' code


@pytest.mark.parametrize(
    ("options", "channels", "spatial", "numbers"),
    [
        (("top", 16, None), 48, (7, 7), {(6, 0, 3): 0.044956, (17, 2, 5): 0.0876577, (29, 6, 1): 0.1736736}),
        (
            ("bot", 16, None),
            48,
            (7, 7),
            {(0, 0, 0): 0.0141473, (13, 4, 2): -0.1604985, (30, 1, 6): -0.0619834},
        ),
        (("low", 16, None), 48, (7, 7), {(1, 3, 3): 0.1428571, (8, 0, 6): 0.1969652, (46, 5, 2): 0.1579538}),
        (("top", 16, None), 32, (14, 14), {(4, 0, 9): 0.022478, (31, 13, 2): -0.0802493}),
        (("top", 16, None), 32, (28, 28), {(5, 27, 3): 0.011239, (19, 10, 20): 0.0}),
        (("top", 16, 28), 32, (28, 28), {(5, 27, 3): 0.011239, (19, 10, 20): 0.0}),
        (("top", 16, (10, 16)), 48, (10, 16), {(7, 9, 15): 0.0657164, (20, 4, 8): 0.0228517}),
        (("low", 1, 5), 48, (5, 5), {(0, 0, 0): 0.2, (47, 2, 3): 0.2}),  # theirs: top16, see below
    ],
)
def test_filters_are_the_authors(
    options: Any, channels: int, spatial: Any, numbers: dict[Any, float]
) -> None:
    """Numbers from the buffer ``dct_layer.weight`` of cfzd/FcaNet, commit aa5fb63, built with 16 components."""
    selection, components, size = options
    block = make(2, selection, channels, components=components, size=size)
    found = block.filters(spatial)
    assert {place: found[place].item() for place in numbers} == pytest.approx(numbers, abs=2e-7)

"""Attention attached to nets that know nothing of it."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from monai.networks import nets
from monai.networks.blocks import ResidualUnit
from monai.networks.nets.senet import SEResNeXtBottleneck
from torch import Tensor, nn

from medse.attention.attach.attach import attach, detach
from medse.errors import InputError

SCSE = {"name": "scse", "reduction": 2}
CONV = {2: nn.Conv2d, 3: nn.Conv3d}


class OwnNet(nn.Module):
    """Two levels, a shared module, a norm with statistics, a part that never runs, and a tuple inside."""

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        self.stem = CONV[dims](3, 4, 3, padding=1)
        self.norm = (nn.BatchNorm2d if dims == 2 else nn.BatchNorm3d)(4)
        self.down = nn.ModuleList(
            [nn.Sequential(CONV[dims](4, 4, 1), nn.ReLU(inplace=True)) for _ in range(2)]
        )
        self.same = self.down[0]
        self.pair = Pair()
        self.last_axis = LastAxis()
        self.act = nn.Tanh()
        self.unused = CONV[dims](4, 4, 1)
        self.tokens = nn.Flatten(2)
        self.head = CONV[dims](6, 2, 1)
        self.seen: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.stem(x)))
        x = self.last_axis(x).movedim(-1, 1)
        for level in self.down:
            x = level(x)
        self.seen = self.tokens(x)
        return self.head(self.act(torch.cat(self.pair(x), 1)))  # type: ignore[no-any-return]


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x[:, :2]


class LastAxis(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


def noise(net: nn.Module) -> nn.Module:
    """Give a net weights and statistics that depend on nothing but the net's layout."""
    torch.manual_seed(0)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.1, 0.9)
    return net


def picture(dims: int = 2, size: int = 6, channels: int = 3) -> Tensor:
    return torch.randn(
        2, channels, 2 * size, *(size,) * (dims - 1), generator=torch.Generator().manual_seed(1)
    )


Case = tuple[Callable[[int], nn.Module], Any, int]
NETS: dict[str, Case] = {
    "unet": (lambda d: nets.UNet(d, 1, 2, (4, 8, 16), (2, 2), num_res_units=1), ResidualUnit, 16),
    "dynunet": (
        lambda d: nets.DynUNet(d, 1, 2, [3, 3, 3], [1, 2, 2], [2, 2], filters=[4, 6, 8]),
        "*samples.*",
        16,
    ),
    "segresnet": (
        lambda d: nets.SegResNet(d, 8, 1, 2, blocks_down=(1, 1, 1), blocks_up=(1, 1)),
        "down_layers.*",
        16,
    ),
    "densenet": (
        lambda d: nets.DenseNet121(d, 1, 2, init_features=8, growth_rate=4),
        "features.denseblock?",
        32,
    ),
    "efficientnet": (
        lambda d: nets.EfficientNetBN("efficientnet-b0", False, spatial_dims=d, in_channels=1),
        "_blocks.*.*",
        32,
    ),
    "seresnext": (lambda d: nets.SEResNext50(spatial_dims=d, in_channels=1), SEResNeXtBottleneck, 32),
    "swinunetr": (
        lambda d: nets.SwinUNETR(1, 2, feature_size=12, depths=(1, 1, 1, 1), spatial_dims=d),
        "[ed]?coder*",
        32,
    ),
}
"""Name -> the net for a number of spatial axes with one input channel, where to attach, size of a picture."""

SLOW = ("seresnext", "swinunetr")


@pytest.mark.parametrize(
    ("name", "dims"),
    [
        pytest.param(name, dims, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in NETS
        for dims in (2, 3)
    ],
)
def test_a_monai_net_trains_with_attention_and_is_itself_again_without(name: str, dims: int) -> None:
    if name == "swinunetr":
        pytest.importorskip("einops")
    make, where, size = NETS[name]
    torch.manual_seed(0)
    net, x = make(dims).eval(), picture(dims, size, 1)
    state = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        before = net(x)
        assert len(attach(net, SCSE, where)) > 2
        new = dict(net.attached_attention.named_parameters())
        for parameter in new.values():  # such that no ReLU is off and no sigmoid saturated
            parameter.uniform_(0.5, 1).div_(1 if parameter.ndim == 1 else 10 * parameter[0].numel())
        assert not torch.equal(net(x), before)
    assert net.state_dict().keys() - state.keys() == {f"attached_attention.{key}" for key in new}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.train()(x).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in new.values())
    optimizer.step()
    detach(net)
    assert list(net.state_dict()) == list(state)
    net.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(net.eval()(x), before)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_output_is_that_of_module_and_block_in_sequence(dims: int) -> None:
    net, x = noise(OwnNet(dims)).eval().double(), picture(dims).double()
    expected = copy.deepcopy(net)
    assert attach(net, "sse", "down.*.0") == ["down.0.0", "down.1.0"]
    for i, level in enumerate(expected.down):
        block = net.attached_attention.get_submodule(f"down/{i}/0")
        level[0] = nn.Sequential(level[0], copy.deepcopy(block))
        assert {p.dtype for p in block.parameters()} == {torch.float64}
        assert not block.training
    assert torch.equal(net(x), expected(x))
    assert net.train().attached_attention.get_submodule("down/0/0").training


def test_a_pattern_goes_level_by_level_and_a_type_covers_its_children() -> None:
    def found(where: Any) -> list[str]:
        return attach(OwnNet(), "sse", where)

    assert found("down.?") == ["down.0", "down.1"]
    assert found("*.0") == ["down.0"]
    assert found("s*") == ["stem"]
    assert found(nn.Sequential) == ["down.0", "down.1"]
    assert found((nn.BatchNorm2d, nn.ReLU)) == ["norm", "down.0.1", "down.1.1"]
    assert attach(nn.Sequential(OwnNet(), nn.Sequential()), "sse", nn.Sequential) == [
        "0.down.0",
        "0.down.1",
        "1",
    ]


def test_copies_and_pickles_have_blocks_of_their_own() -> None:
    net, x = noise(OwnNet()).eval(), picture()
    attach(net, "sse", "stem")
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    expected = net(x)
    for twin in twins:
        assert torch.equal(twin(x), expected)
        with torch.no_grad():
            for parameter in twin.attached_attention.parameters():
                parameter.fill_(-1)
        twin(x).sum().backward()
        assert not torch.equal(twin(x), expected)
        assert torch.equal(net(x), expected)
        assert all(p.grad is not None for p in twin.attached_attention.parameters())
        assert all(p.grad is None for p in net.attached_attention.parameters())
        detach(twin)
        assert torch.equal(net(x), expected)


def test_states_from_before_and_after_attaching_load_strictly() -> None:
    def with_norm(dims: int, channels: int) -> nn.Module:
        return nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 1))

    whole = nn.ModuleDict({"student": OwnNet(), "teacher": OwnNet()})
    before = copy.deepcopy(noise(whole).state_dict())
    for net in whole.values():
        attach(net, with_norm, "stem")
    noise(whole)
    after = copy.deepcopy(whole.state_dict())
    for tensor in whole.state_dict().values():
        tensor.zero_()
    whole.load_state_dict(after)
    assert all(torch.equal(value, after[key]) for key, value in whole.state_dict().items())
    parameters = [id(p) for p in whole.parameters()]
    whole.load_state_dict({key: torch.zeros_like(value) for key, value in before.items()})
    assert parameters == [id(p) for p in whole.parameters()]
    for key, value in whole.state_dict().items():
        assert torch.equal(value, after[key]) if "attached" in key else not value.any()
    half = {key: value for key, value in after.items() if "student.attached_attention.stem.1.bias" not in key}
    with pytest.raises(RuntimeError, match=r"Missing key.*student.attached_attention.stem.1.bias\W*$"):
        whole.load_state_dict(half)
    with pytest.raises(RuntimeError, match="Unexpected key.*teacher.attached_attention"):
        nn.ModuleDict({"student": OwnNet(), "teacher": OwnNet()}).load_state_dict(after)


def test_a_sequential_root_runs_as_before_its_own_last_layer() -> None:
    net, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)), picture()
    expected = net(x)
    attach(net, "sse", "0")
    block = net.attached_attention.get_submodule("0")
    assert torch.equal(net(x), net[1](block(nn.Conv2d.forward(net[0], x))))
    detach(net)
    assert len(net) == 2
    assert torch.equal(net(x), expected)


class Restless(OwnNet):
    """Draws noise, counts its calls and keeps what it saw, in any mode."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.calls: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.norm.train()
        return super().forward(x + torch.rand_like(x))


@pytest.mark.parametrize("example", [None, picture()])
def test_looking_for_the_channels_leaves_the_net_alone(example: Tensor | None) -> None:
    net = noise(Restless())
    net.act.eval()
    state, modes = copy.deepcopy(net.state_dict()), [module.training for module in net.modules()]
    torch.manual_seed(0)
    attach(net, None, "stem", example=example)
    drawn = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(3))
    assert net.seen is None
    detach(net)
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


def test_a_second_attach_adds_and_one_detach_removes_all() -> None:
    net, x = noise(OwnNet()).eval(), picture()
    before = net(x)
    attach(net, "sse", "stem")
    once = net(x)
    assert attach(net, SCSE, nn.Sequential) == ["down.0", "down.1"]
    assert not torch.equal(net(x), once)
    detach(net)
    assert torch.equal(net(x), before)
    assert not any("forward" in vars(module) for module in net.modules())


def test_a_part_with_attention_of_its_own_keeps_it() -> None:
    net, x = noise(OwnNet()).eval(), picture()
    attach(net.down[0], "sse", "0", example=picture(channels=4))
    expected = net(x)
    attach(net, "sse", "norm")
    assert not torch.equal(net(x), expected)
    detach(net)
    assert torch.equal(net(x), expected)


def test_a_net_that_needs_a_batch_for_training_is_tried_out_as_if_evaluating() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4))
    assert attach(net, "sse", "0") == ["0"]


def test_blocks_are_no_places_for_attention() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Tanh())
    attach(net, "sse", "1")  # holds a convolution
    assert attach(net, "sse", nn.Conv2d) == ["0"]
    with pytest.raises(InputError, match="No module .* 'attached_attention.0.conv'"):
        attach(net, "sse", "attached_attention.0.conv")


def test_one_compiled_net_does_not_run_the_code_of_another() -> None:
    torch.compiler.reset()
    x = picture()
    plain, attended = (noise(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())) for _ in range(2))
    before = plain(x)
    compiled = [torch.compile(net, backend="eager", fullgraph=True) for net in (plain, attended)]
    torch.testing.assert_close(compiled[1](x), before)
    attach(attended, "sse", "0")
    torch.testing.assert_close(compiled[0](x), before)
    torch.testing.assert_close(compiled[1](x), attended(x))
    assert not torch.allclose(attended(x), before)
    compiled[1](x).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in attended.attached_attention.parameters())
    detach(attended)
    torch.testing.assert_close(compiled[1](x), before)
    with pytest.raises(InputError, match="what torch.compile returned"):
        attach(compiled[0], "sse", "*.0")


def test_autocast_and_export_go_through_the_blocks() -> None:
    net, x = noise(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())).eval(), picture()
    attach(net, SCSE, "0")
    with torch.autocast("cpu", torch.bfloat16):
        low = net(x)
    torch.testing.assert_close(low.float(), net(x), rtol=0.03, atol=0.03)
    exported = torch.export.export(net, (x,))
    assert exported.state_dict.keys() == net.state_dict().keys()
    torch.testing.assert_close(exported.module()(x), net(x))


class OneSize(nn.Sequential):
    """A net that takes 12 x 6 pictures only."""

    def __init__(self) -> None:
        super().__init__(LastAxis(), FirstAxis(), nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4 * 72, 2))


class FirstAxis(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-1, 1)


def test_a_net_of_one_size_needs_an_example(caplog: pytest.LogCaptureFixture) -> None:
    net = OneSize()
    with pytest.raises(InputError, match=r"it takes 0 \(RuntimeError: .*\); two are needed; give an"):
        attach(net, "sse", "2")
    assert not caplog.records
    assert attach(net, "sse", "2", example=picture()) == ["2"]
    assert net(picture()).shape == (2, 2)
    with pytest.raises(
        InputError, match=r"does not run on the example of shape \(2, 1, 12, 6\): RuntimeError: .*;"
    ):
        attach(net, "sse", "3", example=picture(channels=1))
    with pytest.raises(InputError, match=r"The example has shape \(12, 6\); \(batch, channels, "):
        attach(net, "sse", "3", example=picture()[0, 0])


class Slices(nn.Module):
    """A 3-D net with a 2-D convolution inside, and with an attention block of 1-D convolutions."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.volume, self.inside = nn.Conv3d(3, 2, 1), inside

    def forward(self, x: Tensor) -> Tensor:
        x = self.volume(x)
        return x * self.inside(x.mean((2, 3))).mean(-1)[:, :, None, None, None]  # type: ignore[no-any-return]


def test_the_axes_come_from_the_convolutions_or_from_the_example() -> None:
    assert attach(Slices(nn.Conv1d(2, 2, 1)), "sse", "volume") == ["volume"]
    both = Slices(nn.Sequential(nn.Unflatten(2, (1, -1)), nn.Conv2d(2, 2, 1), nn.Flatten(2)))
    with pytest.raises(InputError, match="both 2-D and 3-D convolutions; .*; give an input as `example`"):
        attach(both, "sse", "volume")
    assert attach(both, "sse", "volume", example=picture(3)) == ["volume"]
    assert both(picture(3)).shape == (2, 2, 12, 6, 6)
    with pytest.raises(InputError, match="neither 2-D nor 3-D convolutions"):
        attach(nn.Sequential(nn.Conv1d(3, 2, 1)), "sse", "0")


def test_what_has_attention_takes_no_more_and_what_has_none_cannot_lose_it() -> None:
    net = OwnNet()
    with pytest.raises(InputError, match="This OwnNet has no attached attention"):
        detach(net)
    attach(net, "sse", "stem")
    for where in ("st*", nn.Conv2d):
        with pytest.raises(InputError, match="^'stem' has attention or another forward of its own already"):
            attach(net, "sse", where)
    detach(net)
    attach(net, "sse", "stem")
    net.seen = torch.ones(1, requires_grad=True) * 2
    with pytest.raises(
        InputError, match="OwnNet cannot be copied: RuntimeError: Only Tensors created explicitly"
    ):
        attach(net, "sse", "head", example=picture())


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "typing error": ("sse", "stemm", r"called 'stemm'; did you mean 'stem'\? a star"),
    "too many levels": ("sse", "*.*.*.*", r"called '\*.\*.\*.\*';"),
    "the net itself": ("sse", OwnNet, "of type OwnNet; available: BatchNorm2d, Conv2d,"),
    "types that are not there": (
        "sse",
        (nn.Conv3d, nn.GELU),
        "of type Conv3d or GELU; did you mean 'Conv2d'",
    ),
    "never called": ("sse", nn.Conv2d, "behind 'unused'; it is not called in evaluation mode"),
    "a list of modules": ("sse", "down", "behind 'down'; it is not called in evaluation mode"),
    "not one tensor": ("sse", "pair", "behind 'pair'; it returns tuple; one tensor"),
    "two channel counts": ("sse", "act", "behind 'act'; it runs with 4, 6 channels"),
    "channels last": ("sse", "last_axis", r"'last_axis'; it returns shapes \(1, 64, 64, 4\) and \(1, 128"),
    "no map": (
        "sse",
        "tokens",
        r"'tokens'; it returns shape \(1, 4, 4096\); one tensor \(batch, channels, 2 sp",
    ),
    "unknown block": ("scsse", "stem", "behind 'stem': Unknown attention block 'scsse'; did you mean 'scse'"),
    "one of three too narrow": (
        {"name": "se", "reduction": 3},
        "[!u]*[md]",
        "^No .* 'head': reduction 3 [^\n]*$",
    ),
}


@pytest.mark.parametrize("example", [None, picture()])
@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_work_is_refused_and_changes_nothing(why: str, example: Tensor | None) -> None:
    attention, where, sentence = REFUSED[why]
    net = noise(OwnNet()).eval()
    keys, before = list(net.state_dict()), net(picture())
    net.seen = None
    if example is not None:
        sentence = (
            sentence.replace("1, 64, 64", "2, 12, 6")
            .replace("1, 128", "2, 24")
            .replace("1, 4, 4096", "2, 4, 72")
        )
    with pytest.raises(InputError, match=sentence) as refusal:
        attach(net, attention, where, example=example)
    assert all(line.endswith(".") for line in str(refusal.value).splitlines())
    assert list(net.state_dict()) == keys
    assert not any("forward" in vars(module) for module in net.modules())
    assert torch.equal(net(picture()), before)

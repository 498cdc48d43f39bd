"""Where cells lie, measured by shifting a point through networks, and maps drawn there."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.explain.alignment import over_image, places_of
from medse.nets import build_net


class Odd(nn.Module):
    """Steps by 2, 3 and 1 with and without padding, and attention that sees all."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3, stride=2, padding=1)
        self.second = nn.AvgPool2d((3, 2), stride=(3, 2))
        self.third = nn.Conv2d(2, 2, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.first(x))).mean((2, 3))


def test_places_follow_from_kernels_steps_and_padding() -> None:
    found = places_of(Odd(), torch.empty(1, 1, 60, 60), ["first", "second", "third"])
    assert found["first"] == ((0, 2), (0, 2))
    assert found["second"] == ((2, 6), (1, 4))  # the mean of cells 0, 1, 2; of cells 0 and 1
    assert found["third"] == ((2 + 2 * 6, 6), (1 + 2 * 4, 4))  # cell 0 looks at cells 0 to 4


@pytest.mark.parametrize("attention", ["scse", {"name": "hybrid", "blocks": ["eca", "coord"]}])
def test_a_bright_point_is_seen_by_the_cells_around_it(attention: object) -> None:
    """Of a net with positive weights, the answer to a point is centred on the point."""
    options = {"name": "resnetv2", "channels": 4, "blocks": [1, 1], "strides": 2}
    net = build_net(options, 2, 1, 2).eval()
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            tensor.fill_(0.0 if name.endswith(("bias", "running_mean")) else 1.0)
    with_attention = build_net({**options, "attention": attention}, 2, 1, 2)
    block = "stages.1.0.1.standard"
    inner = f"{block}.blocks.1" if isinstance(attention, dict) else f"{block}.spatial"
    places = places_of(with_attention, torch.empty(1, 1, 128, 128), [net.last_map, block, inner])
    assert places[net.last_map] == places[block] == places[inner] == ((0, 16), (0, 16))
    image = torch.zeros(1, 1, 129, 129)
    image[..., 64, 48] = 1
    with torch.no_grad():
        answer = net.feature_maps(image)[-1].sum(1, keepdim=True)
    shown = over_image(answer, (129, 129), places[block])[0, 0].numpy()
    rows, columns = np.indices(shown.shape)
    centre = (rows * shown).sum() / shown.sum(), (columns * shown).sum() / shown.sum()
    assert centre == pytest.approx((64, 48), abs=1.5)


def test_maps_without_known_places_share_the_image_evenly() -> None:
    maps = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(
        over_image(maps, (13, 20), None), F.interpolate(maps, (13, 20), mode="bilinear")
    )
    maps = torch.rand(1, 1, 3, 2, 4)
    torch.testing.assert_close(
        over_image(maps, (7, 8, 9), None), F.interpolate(maps, (7, 8, 9), mode="trilinear")
    )


def test_a_net_that_cannot_be_traced_has_no_places() -> None:
    fixed = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(36, 2))
    assert places_of(fixed, torch.empty(1, 1, 8, 8), ["0"]) == {}

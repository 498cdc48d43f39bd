"""The views of an image whose probabilities are averaged."""

import pytest
import torch
from scipy.ndimage import affine_transform
from torch import Tensor, nn

from medse.data.images.batches import Closer
from medse.inference.views import Views, middle_of
from medse.nets.outlined import Outlined
from medse.nets.resnetv2 import ResNetV2


class Seen(nn.Module):
    """Remembers what it is shown; its logits are the mean of the image and that of its first corner."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.images.append(x.clone())
        return torch.stack([x.flatten(1).mean(1), x.flatten(1)[:, 0]], 1)


def views(
    mirrors: tuple[int, ...] = (), zooms: tuple[float, ...] = (1.0,), closer: tuple[float, ...] = ()
) -> Views:
    return Views(mirrors, zooms, closer, lambda _device: "fp32")


class Drawing(Outlined):
    """Remembers what it is shown; draws the outline that it was given."""

    def __init__(self, drawn: Tensor) -> None:
        super().__init__(ResNetV2(2, 1, 2, channels=2, blocks=(1,), strides=(1, 1, 1)), 2)
        self.drawn, self.images = drawn, list[Tensor]()

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.images.append(x.clone())
        return torch.zeros(len(x), 2), self.drawn


@pytest.mark.parametrize("dims", [2, 3])
def test_every_mirror_doubles_the_views(dims: int) -> None:
    images = torch.randn(2, 1, *(5, 6, 7)[:dims], generator=torch.Generator().manual_seed(0))
    net = Seen()
    found = views(tuple(range(dims)))(net, images)
    assert len(net.images) == 2**dims
    assert len({tuple(image.flatten().tolist()) for image in net.images}) == 2**dims
    assert all(
        torch.equal(image.flatten(1).sort().values, images.flatten(1).sort().values) for image in net.images
    )
    each = [torch.softmax(Seen()(image) / 1.0, 1) for image in net.images]
    torch.testing.assert_close(found, torch.stack(each).mean(0))


@pytest.mark.parametrize("zoom", [1.25, 0.8])
def test_a_zoom_enlarges_the_middle(zoom: float) -> None:
    image = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    net = Seen()
    views(zooms=(zoom,))(net, image)
    centre = 4.0
    expected = affine_transform(
        image[0, 0].numpy(), [1 / zoom] * 2, offset=centre - centre / zoom, order=1, mode="nearest"
    )
    torch.testing.assert_close(net.images[0][0, 0], torch.from_numpy(expected), atol=1e-5, rtol=0)


def test_a_temperature_flattens_and_the_net_is_left_in_its_mode() -> None:
    image = torch.full((1, 1, 4, 4), 3.0)
    image[..., 0, 0] = 9.0
    net = Seen().train()
    found = views()(net, image, temperature=2.0)
    logits = torch.tensor([[(15 * 3 + 9) / 16, 9.0]]) / 2
    torch.testing.assert_close(found, logits.softmax(1))
    assert net.training
    assert views().logits(net, image).shape == (1, 1, 2)


def logits_of(*marks: tuple[slice, slice], size: int = 8) -> Tensor:
    drawn = torch.full((len(marks), 1, size, size), -9.0)
    for k, mark in enumerate(marks):
        drawn[k, 0][mark] = 9.0
    return drawn


def test_the_middle_of_an_outline() -> None:
    drawn = logits_of((slice(1, 3), slice(4, 8)), (slice(0), slice(0)))
    drawn[0, 0, 7, 0] = -1.0  # 0.27: not sure enough
    torch.testing.assert_close(middle_of(drawn), torch.tensor([[-0.5, 0.5], [0.0, 0.0]]), atol=1e-6, rtol=0)


def test_closer_views_are_around_the_outline_and_stay_within_the_image() -> None:
    images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    net = Drawing(logits_of((slice(3, 5), slice(4, 6)), (slice(0, 1), slice(7, 8))))
    found = views(mirrors=(1,), closer=(2.0,)).logits(net, images)
    assert found.shape == (4, 2, 2)
    whole, first, mirrored, closer, closer_mirrored = net.images
    assert torch.equal(whole, images)
    assert torch.equal(first, images)
    assert torch.equal(mirrored, images.flip(3))
    assert torch.equal(closer_mirrored, closer.flip(3))
    for image, view, (row, column) in zip(images, closer, ((4, 6), (0, 8)), strict=True):
        expected = affine_transform(
            image[0].numpy(),
            [0.5, 0.5],
            offset=[row - 0.25, column - 0.25],
            order=1,
            mode="nearest",
            output_shape=(16, 16),
        )
        torch.testing.assert_close(view[0], torch.from_numpy(expected), atol=1e-5, rtol=0)


def test_a_closer_view_is_what_training_sees_closely() -> None:
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    mark = torch.zeros(1, 1, 16, 16)
    mark[..., 6:8, 8:12] = 1
    net = Drawing(18 * mark - 9)
    views(closer=(2.0,)).logits(net, image)
    closer = Closer(1.0, (2.0, 2.0))
    trained = [closer(image[0].numpy(), mark[0].numpy().astype("uint8"), seed)[0] for seed in range(200)]
    off = [(net.images[-1][0].numpy() - one)[:, 1:-1, 1:-1] for one in trained]
    assert min(abs(one).max() for one in off) < 1e-5  # where it is in the middle


def test_closer_views_need_an_outline() -> None:
    with pytest.raises(TypeError, match="outlines, not Seen"):
        views(closer=(2.0,))(Seen(), torch.rand(1, 1, 8, 8))

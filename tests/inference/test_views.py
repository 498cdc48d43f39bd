"""The views of an image whose probabilities are averaged."""

import pytest
import torch
from scipy.ndimage import affine_transform
from torch import Tensor, nn

from medse.inference.views import Views


class Seen(nn.Module):
    """Remembers what it is shown; its logits are the mean of the image and that of its first corner."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.images.append(x.clone())
        return torch.stack([x.flatten(1).mean(1), x.flatten(1)[:, 0]], 1)


def views(mirrors: tuple[int, ...] = (), zooms: tuple[float, ...] = (1.0,)) -> Views:
    return Views(mirrors, zooms, lambda _device: "fp32")


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

"""Every segmentation network learns two small cases by heart."""

import pytest
import torch
from torch import Tensor

from medse.nets import SEGMENTATION_NETS
from medse.tasks.losses import DiceCE
from tests.support.tiny_nets import build

pytestmark = pytest.mark.slow


def two_cases(spatial_dims: int) -> tuple[Tensor, Tensor]:
    """Two noisy images, each of a ball (class 1) and a box (class 2) that differ in place and brightness."""
    random = torch.Generator().manual_seed(0)
    grid = torch.stack(torch.meshgrid(*[torch.arange(16.0)] * spatial_dims, indexing="ij"))
    labels = torch.zeros(2, 1, *(16,) * spatial_dims)
    for case, (centre, corner) in enumerate(((4.5, 9), (10.5, 2))):
        labels[case, 0][((grid - centre) ** 2).sum(0) < 12] = 1
        labels[case, 0][((grid >= corner) & (grid < corner + 5)).all(0)] = 2
    noise = torch.randn(2, 2, *labels.shape[2:], generator=random)
    return labels + 0.5 * noise, labels


@pytest.mark.parametrize("attention", [None, "scse"])
@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", SEGMENTATION_NETS)
def test_it_overfits_two_cases(name: str, spatial_dims: int, attention: str | None) -> None:
    net = build(name, spatial_dims, attention).train()
    images, labels = two_cases(spatial_dims)
    loss, optimizer = DiceCE(), torch.optim.AdamW(net.parameters(), lr=5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss(net(images), labels).backward()
        optimizer.step()
    with torch.no_grad():
        found = net(images).argmax(1, keepdim=True)
    for value in (1, 2):
        overlap = (
            2
            * ((found == value) & (labels == value)).sum()
            / ((found == value).sum() + (labels == value).sum())
        )
        assert overlap > 0.97

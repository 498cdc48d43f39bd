"""A classifier whose answer and reason are known, and images for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from medse.data.images.loading import ImageLoader

SQUARE = 6


class Planted(nn.Module):
    """Finds bright squares: its second class says that there is one, and only channel 1 knows where."""

    last_map = "act"

    def __init__(self, spatial_dims: int) -> None:
        super().__init__()
        conv = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        self.conv = conv(1, 2, kernel_size=5, padding=2, bias=True)
        self.act = nn.ReLU(inplace=True)
        self.linear = nn.Linear(2, 2)
        with torch.no_grad():
            self.conv.weight[0] = 0.01
            self.conv.weight[1] = 1.0
            self.conv.bias[:] = torch.tensor([0.0, -0.75 * 5**spatial_dims])
            self.linear.weight[:] = torch.tensor([[1.0, 0.0], [0.0, 100.0]])
            self.linear.bias[:] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.act(self.conv(x)).flatten(2).mean(2))


@dataclass
class Run:
    """What ``explain_images`` needs of a trained classifier."""

    nets: tuple[nn.Module, ...]
    loader: ImageLoader
    classes: tuple[str, ...] = ("none", "square")
    device: str = "cpu"
    temperature: float = 1.0

    @torch.no_grad()
    def probabilities(self, images: Sequence[np.ndarray]) -> np.ndarray:
        seen = torch.as_tensor(np.stack(images))
        each = [(net(seen).double() / self.temperature).softmax(1) for net in self.nets]
        return (sum(each) / len(each)).numpy()


def planted_run(size: tuple[int, ...] = (32, 32)) -> Run:
    return Run((Planted(len(size)).eval(),), ImageLoader(size, 1, "unit"))


def write_pictures(folder: Path, labels: dict[str, str], seed: int = 0) -> None:
    """Write ``NAME.png``, 40 rows by 30 columns; with a bright square and its mask where the name begins with s.

    ``cases.csv`` gives each the label; two neighbours share a group.
    """
    rng = np.random.default_rng(seed)
    lines = ["image,label,mask,group"]
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number, (name, label) in enumerate(labels.items()):
        picture = rng.integers(0, 60, (40, 30)).astype(np.uint8)
        mask = np.zeros_like(picture)
        if name.startswith("s"):
            row, column = rng.integers(4, 40 - SQUARE - 4), rng.integers(4, 30 - SQUARE - 4)
            picture[row : row + SQUARE, column : column + SQUARE] = 255
            mask[row - 1 : row + SQUARE + 1, column - 1 : column + SQUARE + 1] = 255
        else:
            picture[20, 15] = 255
        Image.fromarray(picture).save(folder / "images" / f"{name}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
        outline = f"masks/{name}.png" if name.startswith("s") else ""
        lines.append(f"images/{name}.png,{label},{outline},g{number // 2}")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")

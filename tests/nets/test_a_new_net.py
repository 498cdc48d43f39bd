"""A network is added with one file and its line in the table, and everything that goes over the table takes it.

That is done to a copy of the package, in a process of its own.
"""

import json
from pathlib import Path

import pytest

from tests.support.copied_house import add_member, copied_house, run
from tests.support.generated import TINY, write_data_set

NET = '''"""A made-up network: two convolutions at the resolution of the image."""

from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention import Attention, make_attention
from medse.attention.papers import Paper
from medse.layers.convolution import Norm, conv_norm_act
from medse.layers.lengths import check_spatial_dims
from medse.nets.network import Network


class Duo(Network):
    """Two convolutions with attention between them."""

    title = "Two convolutions"
    papers = (Paper("Doe, Roe", "Two Will Do", "Nowhere", 2026),)
    what = "Two convolutions with attention between them."
    use = "To show how a network is added."
    task = "segmentation"

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        width: PositiveInt = 16,
        attention: Attention = None,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        self.norm = norm
        self.stride = (1,) * spatial_dims
        self.layers = nn.Sequential(
            conv_norm_act(spatial_dims, in_channels, width, norm=norm, act="relu"),
            make_attention(attention, spatial_dims, width),
            conv_norm_act(spatial_dims, width, out_channels, norm=norm, act="relu"),
        )

    def forward(self, x: Tensor) -> Tensor:
        self.refuse_unfit(x, self.stride)
        logits: Tensor = self.layers(x)
        return logits
'''


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package and of its contract suites, with the network in it."""
    root = tmp_path_factory.mktemp("house")
    copied_house(root, "nets/test_nets.py", "cli/test_net_command.py")
    (root / "medse/nets/duo.py").write_text(NET)
    add_member(
        root / "medse/nets/__init__.py",
        "from medse.nets.duo import Duo",
        '    "densenet": DenseNet,\n',
        '    "duo": Duo,\n',
    )
    return root


def test_the_contract_suites_take_it(house: Path) -> None:
    """Among them: every attention block, the list of networks and the page of this one on the terminal."""
    suites = ("tests/nets/test_nets.py", "tests/cli/test_net_command.py")
    told = run(house, "pytest", "-q", "-p", "no:cacheprovider", "-k", "duo or all_networks", *suites)
    assert int(told.rsplit(" passed", 1)[0].split()[-1]) > 130, told


def test_a_configuration_takes_it(house: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "set", 4)
    config = tmp_path / "duo.yaml"
    unet = "  name: unet\n  channels: [8, 16]\n  attention: scse\n  deep_supervision: true\n"
    assert unet in TINY
    config.write_text(TINY.format(root=tmp_path / "set").replace(unet, "  {name: duo, attention: scse}\n"))
    page = " ".join(run(house, "medse", "check", config).split())
    assert "receptive field 5 x 5 x 5 voxels" in page
    options = json.loads(run(house, "medse", "schema"))["$defs"]["duo_options"]["properties"]
    assert options.keys() == {"name", "width", "attention", "norm"}

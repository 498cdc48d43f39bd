"""Numbers of every block in 2-D and 3-D for weights and features that are sines.

They come from float64 NumPy programs of the formulas, the gradients by extrapolated central differences. For
coordinate attention, SPSE, RGSE and CBAM these programs reproduce the files made with the authors' code
(houqb/CoordAttention 7619bea, megvii-research/RG-SENet_SP-SENet 49b6ed2, ZjjConan/SimAM ae98f43) to 2e-5, in training
and in evaluation.
"""

from typing import Any

import pytest
import torch

from medse.attention import make_attention

Case = tuple[dict[str, Any], int, list[float], list[float]]
LITERALS: list[Case] = [
    (
        {"name": "se", "reduction": 3},
        2,
        [0.3215497861, 0.3047849041, -0.1137957457],
        [0.0527876685, -0.0953880583, 0.188214859],
    ),
    (
        {"name": "se", "reduction": 3},
        3,
        [-0.3725913901, 0.1328007958, 0.1658946376],
        [-0.165142195, -0.0656978863, -0.0388047878],
    ),
    (
        {"name": "cse"},
        2,
        [0.9939798448, 0.2095358073, -0.5142230779],
        [0.289191294, -0.104073905, 0.820482331],
    ),
    (
        {"name": "cse"},
        3,
        [-1.134621031, 0.08782714891, 0.69827483],
        [-0.463111201, -0.0446489222, -0.224846104],
    ),
    ({"name": "sse"}, 2, [1.220923501, 1.194204806, -0.547874153], [0.396945452, -0.9416464, 1.0650476]),
    (
        {"name": "sse"},
        3,
        [-0.2951282896, 0.1818516179, 0.7133771877],
        [0.103054195, -0.115232162, -0.189427667],
    ),
    (
        {"name": "scse", "combine": "max"},
        2,
        [0.9939798448, 0.2095358073, -0.2937331787],
        [0.295550152, -0.0241828965, 0.491064566],
    ),
    (
        {"name": "scse", "combine": "max"},
        3,
        [-0.2015528722, 0.08782714891, 0.69827483],
        [-0.0075143263, -0.0345850735, -0.210897344],
    ),
    (
        {"name": "scse", "combine": "add"},
        2,
        [1.982534262, 0.3519444012, -0.8079562566],
        [0.59816282, -0.0795213312, 1.32059159],
    ),
    (
        {"name": "scse", "combine": "add"},
        3,
        [-1.336173903, 0.1756259894, 1.240839115],
        [-0.392793053, -0.0656152012, -0.399515093],
    ),
    (
        {"name": "scse", "combine": "mul"},
        2,
        [0.5281028891, 0.0171859343, -0.2406677318],
        [0.293814675, -0.00189514609, 0.433305088],
    ),
    (
        {"name": "scse", "combine": "mul"},
        3,
        [-0.1149266772, 0.01049906293, 0.4376675165],
        [0.0524512584, 0.0062929595, -0.157208736],
    ),
    (
        {"name": "scse", "combine": "concat"},
        2,
        [1.587639142, -0.4347886869, -0.3125647453],
        [-0.333222939, -0.105653463, -0.362527645],
    ),
    (
        {"name": "scse", "combine": "concat"},
        3,
        [-1.64884888, -1.272613368, 0.6668306531],
        [-0.792526834, -0.462192948, -1.38129744],
    ),
    ({"name": "pe"}, 2, [1.345353288, 1.565176917, -0.220155068], [0.622728774, -0.520648726, 0.369652675]),
    (
        {"name": "pe"},
        3,
        [-0.7533735882, 0.5464466156, 0.2348767921],
        [-0.130015337, 0.151541332, -0.0454991869],
    ),
    (
        {"name": "eca", "kernel_size": 3},
        2,
        [1.055241544, 0.9016331888, -0.3238447589],
        [0.394637174, -0.267992127, 0.472803033],
    ),
    (
        {"name": "eca", "kernel_size": 3},
        3,
        [-1.047534185, 0.3847478331, 0.4369500787],
        [-0.411249756, -0.12563335, -0.139283325],
    ),
    (
        {"name": "fca", "selection": "low", "components": 4, "reduction": 2},
        2,
        [-0.7307584052, 0.3309503124, -0.0004503623647],
        [0.726541547, -0.351542827, 0.0054626534],
    ),
    (
        {"name": "fca", "selection": "low", "components": 4, "reduction": 2},
        3,
        [-0.6517837529, 0.9636735706, 0.05043130756],
        [0.0454315614, 0.177363493, -0.24533352],
    ),
    (
        {"name": "coord", "min_channels": 2},
        2,
        [0.6091189651, 0.6573448475, -0.0996978508],
        [0.22036155, -0.186722914, 0.149315006],
    ),
    (
        {"name": "coord", "min_channels": 2},
        3,
        [-0.02769622469, 0.02573281069, 0.03415046808],
        [-0.0374314897, -0.0249123448, -0.0423246162],
    ),
    (
        {"name": "simam", "lambda": 0.1},
        2,
        [1.317361309, 1.221254703, -0.4006711163],
        [0.5617473, -0.437542569, 0.63091197],
    ),
    (
        {"name": "simam", "lambda": 0.1},
        3,
        [-1.437810985, 0.4658896211, 0.5556125984],
        [-0.689873149, -0.167234595, -0.201705826],
    ),
    (
        {"name": "spse", "reduction": 2},
        2,
        [1.856596151, 0.00399360989, -0.5695526304],
        [0.683708968, -0.00113298019, 0.867719746],
    ),
    (
        {"name": "spse", "reduction": 2},
        3,
        [-1.975495956, 6.286307493e-05, 0.8306434683],
        [-0.76326974, -2.15766782e-05, -0.286269631],
    ),
    (
        {"name": "rgse", "reduction": 2},
        2,
        [1.817047014, 1.886461799e-07, -0.627369154],
        [0.669144627, -5.35216316e-08, 0.946248526],
    ),
    (
        {"name": "rgse", "reduction": 2},
        3,
        [-1.971214279, 3.397601679e-05, 0.8605857298],
        [-0.695142576, -1.16616938e-05, -0.291488553],
    ),
    (
        {"name": "cbam", "reduction": 2, "kernel_size": 3},
        2,
        [1.721292578, 0.02954354128, -0.008553516164],
        [0.0393718926, -0.00565745362, 0.00265473953],
    ),
    (
        {"name": "cbam", "reduction": 2, "kernel_size": 3},
        3,
        [-0.05409651487, 0.009142678786, 0.1249751491],
        [-0.00296135307, 0.00215727771, -0.0477926862],
    ),
    (
        {"name": "hybrid"},
        2,
        [0.04458822046, 0.07774612393, -0.1549873661],
        [0.0124243378, -0.0246615774, 0.217559373],
    ),
    (
        {"name": "hybrid"},
        3,
        [-0.02433352721, 0.02046160156, 0.03042303709],
        [-0.00899701494, -0.00629585329, -0.0105065671],
    ),
]
"""Options, dimensions, and at three places output and input gradient."""


@pytest.mark.parametrize(("options", "dims", "output", "gradient"), LITERALS)
def test_sines(options: dict[str, Any], dims: int, output: list[float], gradient: list[float]) -> None:
    channels = 8 if options["name"] == "fca" else 6
    spatial = (7, 7, 7) if options["name"] == "fca" else (5, 4, 3)
    block = make_attention(options, dims, channels).double().eval()
    for position, (name, tensor) in enumerate(sorted(block.state_dict().items())):
        if tensor.is_floating_point():
            wave = torch.sin(1 + position + 0.7 * torch.arange(tensor.numel(), dtype=torch.float64))
            tensor.copy_((1 + wave / 2 if name.endswith("running_var") else wave).reshape(tensor.shape))
    shape = (2, channels, *spatial[:dims])
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    x = (2 * torch.sin(0.3 * n**1.1)).reshape(shape).requires_grad_()
    y = block(x)
    (y * torch.cos(0.9 * n).reshape(shape)).sum().backward()
    places = [len(n) // 7, len(n) // 2 + 1, len(n) - 3]
    assert x.grad is not None
    assert y.flatten()[places].tolist() == pytest.approx(output, rel=1e-8)
    assert x.grad.flatten()[places].tolist() == pytest.approx(gradient, rel=1e-6, abs=1e-8)

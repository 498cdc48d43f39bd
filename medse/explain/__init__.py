"""Why a classifier says what it says: heat maps, the gates of its attention, and how far to believe them."""

from medse.layers import lengths  # noqa: F401 -- before MONAI

# isort: split
from medse.explain.classifier import heat_maps
from medse.explain.explain import explain_images
from medse.explain.faithfulness import insertion_deletion
from medse.explain.gates import attention_gates
from medse.explain.grad_cam import grad_cam
from medse.explain.maps import write_heat_map
from medse.explain.pointing import inside_share, pointing_hit

__all__ = [
    "attention_gates",
    "explain_images",
    "grad_cam",
    "heat_maps",
    "insertion_deletion",
    "inside_share",
    "pointing_hit",
    "write_heat_map",
]

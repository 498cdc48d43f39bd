"""Attention blocks: each keeps its input's shape, in 2-D and in 3-D.

A new block is one file here and one line in :data:`medse.attention.table.MECHANISMS`.
"""

from medse.layers import lengths  # noqa: F401 -- before MONAI

# isort: split
from medse.attention.attach.attach import attach, detach
from medse.attention.author_weights import load_author_weights
from medse.attention.block import DERIVED
from medse.attention.table import ATTENTION, Attention, make_attention

__all__ = ["ATTENTION", "DERIVED", "Attention", "attach", "detach", "load_author_weights", "make_attention"]

"""A run directory: what is in it, how it is made and how it is read."""

from typing import Literal

Weights = Literal["final", "best"]
"""The weights after the last step, or those of the epoch with the best validation proxy."""

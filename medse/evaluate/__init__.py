"""Label files in, tables of scores out."""

from typing import Literal

Missing = Literal["error", "worst"]
"""What a missing prediction is: an error, or an empty one, 0 in every class."""

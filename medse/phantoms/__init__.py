"""Generated cohorts, so that everything can be tried without patients."""

from typing import Literal

Body = Literal["brain", "torso", "tumour"]
"""What a cohort can be generated of."""

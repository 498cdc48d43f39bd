"""Rules of scoring tools: what is a surface, which percentile, and what an empty mask scores."""

from typing import Literal

ConventionName = Literal["medse", "nnunet", "monai", "deepmind", "medpy", "metrics_reloaded", "brats2023"]

"""Data sets: cases, the readers of their layouts, folds, patches and augmentation."""

from medse.layers import lengths  # noqa: F401 -- before MONAI

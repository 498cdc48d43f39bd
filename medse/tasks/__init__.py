"""Training tasks: what happens in a step and in a validation, as Lightning modules of plain objects."""

from medse.layers import lengths  # noqa: F401 -- before MONAI

"""Training tasks: what happens in a step and in a validation, as Lightning modules of plain objects."""

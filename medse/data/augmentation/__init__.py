"""Random changes of a patch: parameters drawn from (seed, step), and functions of them."""

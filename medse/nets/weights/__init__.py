"""Weights that others published, brought into medse's networks."""

"""Trained runs applied to what they have not seen."""

"""Attention behind chosen modules of a net that was built without it."""

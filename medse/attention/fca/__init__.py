"""Frequency channel attention: the block, its frequencies and the search for them."""

"""Label files in, tables of scores out."""

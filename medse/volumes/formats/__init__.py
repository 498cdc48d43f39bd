"""One codec for each file format."""

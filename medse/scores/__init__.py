"""Tables of numbers: rows, summaries, intervals and their files."""

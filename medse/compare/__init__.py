"""Two or more reports of the same cases: paired statistics and one page."""

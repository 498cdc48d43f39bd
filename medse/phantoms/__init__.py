"""Generated cohorts, so that everything can be tried without patients."""

"""The statistics of paired comparisons."""

"""Numbers about label maps: how they are computed, summarised and stored."""

"""README and the pages of the documentation."""

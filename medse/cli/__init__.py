"""The commands: the only place that prints, or turns an error into an exit code."""

"""What a configuration or a scan is, found out without training."""

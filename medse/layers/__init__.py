"""What MONAI's layers leave to the caller, for 2-D and 3-D alike."""

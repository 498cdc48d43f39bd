"""What a label file holds, found out before anything is trained on it."""

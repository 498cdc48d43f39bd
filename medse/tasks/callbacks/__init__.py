"""What happens during a training beside its steps."""

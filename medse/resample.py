"""Bringing a volume onto another grid."""

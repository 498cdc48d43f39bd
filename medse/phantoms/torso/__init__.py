"""Whole-body CT, generated."""

"""Scores into one self-contained page, and the tables for papers."""

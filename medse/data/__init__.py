"""Data sets: cases, the readers of their layouts, folds, patches and augmentation."""

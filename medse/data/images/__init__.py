"""Data sets of images with a class each: how they are listed, read, dealt to folds, and searched for duplicates."""

"""Left and right: pairs of class names, and whether a label map has them on the right sides."""

"""From a volume on its own grid to the training grid, and scores back: NumPy only.

Training and prediction call the same code, so a network meets the intensities it was trained on.
"""

from medse.preprocess.intensities import Normalization
from medse.preprocess.preprocessing import Prepared, Preprocessing, nonzero_box, window
from medse.preprocess.resampling import most_likely

__all__ = ["Normalization", "Prepared", "Preprocessing", "most_likely", "nonzero_box", "window"]

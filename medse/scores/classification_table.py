"""Every score of a classifier that covers all classes: its title, and which way is better."""

from medse.scores.table import Score

CLASSIFIER_SCORES: dict[str, Score] = {
    "accuracy": Score("Accuracy", "share of cases whose most probable class is the reference"),
    "balanced_accuracy": Score("Balanced accuracy", "mean sensitivity over classes"),
    "macro_auc": Score("Macro AUC", "mean over classes of the area under the ROC curve against the rest"),
    "macro_average_precision": Score("Macro average precision", "mean over classes of average precision"),
    "brier": Score("Brier score", "mean squared error of the probabilities, summed over classes", "", False),
    "log_loss": Score("Log loss", "mean of -ln of the probability of the reference", "", False),
    "calibration_error": Score("Calibration error", "mean of |accuracy - confidence| over bins", "", False),
}
"""Field of :class:`medse.scores.classification.Overall` -> the score, in the order of the page."""

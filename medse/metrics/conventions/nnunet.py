"""nnU-Net's evaluator: overlap alone."""

from medse.metrics.mask_pair import MaskPair, Measures


def measure(pair: MaskPair) -> Measures:
    """Score as nnU-Net does: both masks empty is undefined, one empty 0; it has no surface distances.

    Reference:
        ``nnunetv2.evaluation.evaluate_predictions.compute_metrics`` of nnunetv2 2.8.1.
    """
    return Measures(dice=pair.counts.dice, iou=pair.counts.iou)

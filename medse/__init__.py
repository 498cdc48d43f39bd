"""medse: medical image segmentation with squeeze-and-excitation attention, in 2-D and 3-D.

What a notebook needs stands here and is imported on first use. The functions say what they are applied to, because
the bare verbs (``train``, ``predict``, ``evaluate``, ``report``, ``compare``) are rooms of the package, and a room
once imported would hide a function of its name.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medse.attention import attach as attach
    from medse.attention import detach as detach
    from medse.attention import make_attention as make_attention
    from medse.compare.classification import compare_classifiers as compare_classifiers
    from medse.compare.compare import compare_reports as compare_reports
    from medse.config.run import load_config as load_config
    from medse.crossvalidate import cross_validate as cross_validate
    from medse.errors import InputError as InputError
    from medse.evaluate.classification import evaluate_predictions as evaluate_predictions
    from medse.evaluate.evaluate import evaluate_folders as evaluate_folders
    from medse.leakage import measure_leakage as measure_leakage
    from medse.metrics.of_masks import dice as dice
    from medse.metrics.of_masks import hd95 as hd95
    from medse.metrics.of_masks import surface_dice as surface_dice
    from medse.nets import build_net as build_net
    from medse.predict.images import predict_images as predict_images
    from medse.predict.scans import predict_scans as predict_scans
    from medse.report.classification import write_classification_report as write_classification_report
    from medse.report.report import write_report as write_report
    from medse.runs.trained import LoadedRun as LoadedRun
    from medse.runs.trained import load_run as load_run
    from medse.runs.trained_classifier import LoadedClassifier as LoadedClassifier
    from medse.train import train_run as train_run
    from medse.volumes.entrance import read_volume as read_volume

    __version__: str

HOMES = {
    "attach": "medse.attention",
    "build_net": "medse.nets",
    "compare_classifiers": "medse.compare.classification",
    "compare_reports": "medse.compare.compare",
    "cross_validate": "medse.crossvalidate",
    "detach": "medse.attention",
    "dice": "medse.metrics.of_masks",
    "evaluate_folders": "medse.evaluate.evaluate",
    "evaluate_predictions": "medse.evaluate.classification",
    "hd95": "medse.metrics.of_masks",
    "InputError": "medse.errors",
    "load_config": "medse.config.run",
    "load_run": "medse.runs.trained",
    "LoadedClassifier": "medse.runs.trained_classifier",
    "LoadedRun": "medse.runs.trained",
    "make_attention": "medse.attention",
    "measure_leakage": "medse.leakage",
    "predict_images": "medse.predict.images",
    "predict_scans": "medse.predict.scans",
    "read_volume": "medse.volumes.entrance",
    "surface_dice": "medse.metrics.of_masks",
    "train_run": "medse.train",
    "write_classification_report": "medse.report.classification",
    "write_report": "medse.report.report",
}
"""Public name -> the module it lives in."""


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    if name == "__version__":
        from medse.versions import version_of

        return version_of("medse")
    raise AttributeError(f"module 'medse' has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    return sorted({*HOMES, "__version__"})

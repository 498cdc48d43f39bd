"""A trained run applied to scans."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medse.config.classification import ClassificationConfig
from medse.data.scans import collect_scans
from medse.errors import InputError, Refusals
from medse.files import given_path, refuse_existing, write_json
from medse.registry import check_arguments
from medse.runs import Weights
from medse.runs.directory import RunDir
from medse.runs.trained import load_segmenter
from medse.versions import installed_versions
from medse.volumes.grid import Grid
from medse.volumes.reading import read_grids
from medse.volumes.writing import prediction_name, write_label_map


@dataclass(frozen=True)
class WindowsDone:
    """Windows of a scan went through the network; after the last its label map is made and written."""

    case: str
    done: int
    number: int


@dataclass(frozen=True)
class Written:
    """A label map was written."""

    case: str
    path: Path


@dataclass(frozen=True)
class Refused:
    """A scan could not be segmented; ``reason`` is a sentence."""

    case: str
    reason: str


Progress = Callable[[WindowsDone | Written | Refused], object]
PACKAGES = ("medse", "torch", "nibabel", "SimpleITK", "numpy", "scipy")


@check_arguments()
def predict_scans(
    run_dir: str | Path,
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    device: str = "auto",
    weights: Weights = "final",
    copy_affine: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Segment scans and write ``out/<case>.nii.gz`` (``.png`` for pictures) for each.

    The headers of all files are checked before the first is segmented; each label map is written as a whole.
    A scan that cannot be used or does not fit into memory does not keep the others from being segmented.

    Args:
        run_dir: Folder that ``medse train`` made.
        inputs: A file, a folder of them, or several; see :func:`medse.data.scans.collect_scans`.
        out: Folder of the label maps; must be empty or new. ``prediction.json`` beside them says what made them.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        weights: As in :func:`load_run`.
        copy_affine: Let channels whose affines differ take that of the first; recorded in ``prediction.json``.
        progress: Called after each batch of windows, and with what became of each scan.

    Returns:
        The written files.

    Raises:
        InputError: An input cannot be used, two inputs share a case id, ``out`` is not empty or lies in an
            input folder; at the end, for the scans that could not be segmented.

    Example:
        >>> [path.name for path in predict_scans("run", "scan.nii.gz", "predictions")]
        ['scan.nii.gz']
    """
    run_dir, out = given_path(run_dir), given_path(out)
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    sources = [given_path(path) for path in given]
    refuse_existing(out, "give another output folder (--out)", sources)
    trained = RunDir(run_dir)
    config = trained.read_config()
    if isinstance(config, ClassificationConfig):
        raise InputError(
            f"{run_dir} gives images a class and draws no label maps; use predict_images, or a run of task "
            "segmentation."
        )
    layout = config.data.format
    naming = {key: value for key, value in layout.model_dump().items() if key in ("images", "case")}
    scans = collect_scans(sources, len(trained.read_dataset().channels), layout.name, **naming)
    run = load_segmenter(trained, config, device=device, weights=weights)
    refused, fixed = Refusals(), []
    for name, files in scans.items():
        with refused:
            grid, copied = read_grids(files, len(run.channels), copy_affine=copy_affine)
            run.check_grid(grid)
            _label_map(out, name, grid)
            fixed += [name] if copied else []
    refused.raise_any()
    tell = progress or (lambda _event: None)
    written: dict[str, Path] = {}
    reasons: dict[str, str] = {}
    for name, files in scans.items():
        try:
            labels, grid = run.segment_files(
                files,
                copy_affine=copy_affine,
                progress=lambda done, number, name=name: tell(WindowsDone(name, done, number)),  # type: ignore[misc]
            )
        except InputError as error:
            reasons[name] = str(error)
            refused.sentences.append(reasons[name])
            tell(Refused(name, reasons[name]))
            continue
        written[name] = _label_map(out, name, grid)
        write_label_map(written[name], labels, grid)
        tell(Written(name, written[name]))
    if not written:
        refused.raise_any()
    facts = {
        "run": str(run_dir.resolve()),
        "weights": weights,
        "versions": installed_versions(PACKAGES),
        "fix_geometry": "copy-affine" if copy_affine else None,
        "geometry_fixed": fixed,
        "written": {name: path.name for name, path in written.items()},
        "refused": reasons,
    }
    write_json(out / "prediction.json", facts)
    refused.raise_any()
    return list(written.values())


def _label_map(out: Path, name: str, grid: Grid) -> Path:
    """Return the file of a case, which must lie directly in ``out``, whatever its id is."""
    path = out / prediction_name(name, grid)
    if path.parent != out:
        raise InputError(
            f"The label map of case {name!r} would be {path}, outside {out}; ids must be plain names; rename it."
        )
    return path

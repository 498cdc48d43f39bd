"""Tables for the terminal; the command line prints them."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from medse.check.labels import LabelFindings
from medse.check.scans import ScanFacts
from medse.cli.tables.net_facts import fact_rows
from medse.cli.tables.quantities import by, memory

if TYPE_CHECKING:  # scoring must not load torch, which these findings come with
    from medse.check.dataset import CheckedDataset


def findings_table(found: "CheckedDataset") -> Table:
    """Say what a configuration would do, a line per subject."""
    lengths = ((found.epochs, "epochs"), (found.minutes, "minutes"))
    ends = [
        f"{length:g} {unit[:-1] if length == 1 else unit}" for length, unit in lengths if length is not None
    ]
    rows = {
        "data set": f"{found.name}, {found.cases} cases ({found.training} training, {found.validation} validation "
        "in fold 0)",
        "channels": ", ".join(found.channels),
        "volumes": _volumes(found),
        "patch": f"{by(found.net.patch)} voxels",
        **fact_rows(found.net),
        "prepared cases": memory(found.prepared_bytes),
        "orientation": _orientation(found),
        "training": f"{' or '.join(ends)}, {found.steps_per_epoch} steps per epoch, on {found.device}",
    }
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, text in rows.items():
        table.add_row(f"[bold]{name}[/bold]", escape(text))
    return table


def label_table(found: LabelFindings) -> Table:
    """Say how often each class and each undeclared value occurs."""
    table = Table(title="Labels", title_justify="left")
    for name in ("class", "value", "cases", "voxels", "share"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for entry in found.classes:
        cells = (entry.name, entry.value, entry.cases, f"{entry.voxels:,}", f"{100 * entry.share:.3g} %")
        table.add_row(*(escape(str(cell)) for cell in cells))
    for value in found.undeclared:
        table.add_row(
            "[bold red]undeclared[/bold red]", str(value.value), str(value.cases), f"{value.voxels:,}", ""
        )
    return table


def scan_line(scan: ScanFacts) -> str:
    """Say what was read from a scan."""
    channels = "" if scan.channels == 1 else f", {scan.channels} channels"
    spacing = f", {by(tuple(round(mm, 4) for mm in scan.spacing_mm))} mm" if scan.spacing_mm else ""
    axes = f"axes {scan.axes}" if scan.axes else "left and right unknown"
    values = f"values {scan.lowest:g} to {scan.highest:g}"
    return f"{scan.path}: {by(scan.shape)} voxels{channels}{spacing}, {axes}, {values}"


def _volumes(found: "CheckedDataset") -> str:
    shapes = [by(found.shape_min), by(found.shape_max)]
    lengths = " to ".join(dict.fromkeys(shapes)) + " voxels"
    return lengths if found.pictures else f"{lengths} at {by(found.spacing_mm)} mm (RAS)"


def _orientation(found: "CheckedDataset") -> str:
    if not found.oriented:
        return "the scans do not say where the patient's left is; those to predict must not either"
    sides = f"{found.pairs} left-right pairs of classes, " if found.pairs else "no class names a side, "
    mirrored = "not mirrored left-right" if found.swapped is None else "mirrored left-right in training"
    swapped = ", labels of pairs swapped" if found.swapped else ""
    copied = f"; affine copied in {', '.join(found.copied)}" if found.copied else ""
    return sides + mirrored + swapped + copied

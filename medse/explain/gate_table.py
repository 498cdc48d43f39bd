"""The gates of each channel over many images: ``gates.csv``."""

from pathlib import Path

import numpy as np
from torch import Tensor, nn

from medse.arrays import FloatArray
from medse.explain.gates import attention_gates
from medse.files import write_text
from medse.scores.files import csv_text
from medse.scores.statistics import Name, Record

TABLE = "gates.csv"


class GateRow(Record):
    """A channel of a block.

    Attributes:
        mean: Over the images, of the mean gate over all places.
        sd: Sample standard deviation of the same; None of a single image.
    """

    block: Name
    mechanism: Name
    channel: int
    mean: float
    sd: float | None


class GateTable:
    """Collects the gates of every attention block, batch by batch."""

    def __init__(self) -> None:
        self.mechanisms: dict[str, str] = {}
        self.values: dict[str, list[FloatArray]] = {}

    def add(self, net: nn.Module, images: Tensor) -> None:
        """Take the gates of a batch ``(B, C, *spatial)``."""
        for gates in attention_gates(net, images):
            self.mechanisms[gates.block] = gates.mechanism
            self.values.setdefault(gates.block, []).append(gates.channels.astype(np.float64))

    @property
    def rows(self) -> list[GateRow]:
        """A row per channel, in the order in which the blocks run."""
        found = []
        for block, batches in self.values.items():
            values = np.concatenate(batches)  # (images, C)
            means = values.mean(axis=0)
            spreads = values.std(axis=0, ddof=1) if len(values) > 1 else [None] * len(means)
            for channel, (mean, sd) in enumerate(zip(means, spreads, strict=True)):
                found.append(
                    GateRow(block=block, mechanism=self.mechanisms[block], channel=channel, mean=mean, sd=sd)
                )
        return found

    def write(self, folder: Path) -> None:
        """Write the table, unless there is no attention."""
        if self.values:
            write_text(folder / TABLE, csv_text(GateRow, self.rows))

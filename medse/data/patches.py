"""Random patches drawn from prepared cases."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from medse.data.augmentation.augmentation import Augmentation
from medse.errors import InputError


class PatchSampler(Sampler[tuple[int, int]]):
    """Yields (case, seed) pairs: every case once before any comes again, in an order new each epoch.

    Lightning calls :meth:`set_epoch`; the pairs depend on seed and epoch alone, so a run can be replayed
    and resumed.
    """

    def __init__(self, cases: int, patches: int, seed: int) -> None:
        self.cases, self.patches, self.seed, self.epoch = cases, patches, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.patches

    def __iter__(self) -> Iterator[tuple[int, int]]:
        random = np.random.default_rng((self.seed, self.epoch))
        rounds = -(-self.patches // self.cases)
        order = np.concatenate([random.permutation(self.cases) for _ in range(rounds)])[: self.patches]
        seeds = random.integers(2**63, size=self.patches)
        return iter([(int(case), int(seed)) for case, seed in zip(order, seeds, strict=True)])


class PatchDataset(Dataset[dict[str, Any]]):
    """Patches of prepared cases, drawn so that foreground is seen often.

    A share ``foreground`` of the patches is centred on a voxel of a foreground class (each class that the
    case holds with the same chance), the others on a background voxel. Axes shorter than the patch are
    padded with 0 on both sides.

    A patch that the augmentation is going to move comes as the piece of the scan that the move looks at, as far as
    the scan goes: what turns into the patch from beside it is tissue with its label, not zeros.

    Args:
        cases: What :class:`CaseLoader` returns, for each case.
        patch_size: Window in a volume; for a 2-D network, of length 1 along ``slice_axis``.
        classes: Number of classes including background.
        slice_axis: Axis that patches of a 2-D network are cut across and do not have; None in 3-D.
        augmentation: What the batch goes through; None leaves the patches as they are.
    """

    def __init__(
        self,
        cases: Dataset[dict[str, Any]],
        patch_size: tuple[int, int, int],
        classes: int,
        foreground: float,
        slice_axis: int | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.cases, self.patch_size, self.augmentation = cases, patch_size, augmentation
        self.axes = [axis for axis in range(3) if axis != slice_axis]
        self.without = () if slice_axis is None else (1 + slice_axis,)
        self.ratios = [1 - foreground] + [foreground / (classes - 1)] * (classes - 1)

    def __getitem__(self, index: tuple[int, int]) -> dict[str, Any]:
        """Return a patch, or the piece of a scan that becomes one, for a (case, seed) pair.

        Returns:
            ``image`` ``(C, *N)`` and ``label`` ``(1, *N)`` with three axes, or two with a ``slice_axis``; ``shift``,
            from the middle of the piece to the centre of the patch in voxels; and the ``seed`` of its augmentation.
        """
        case, seed = index
        item = self.cases[case]
        shape = item["label"].shape[1:]
        random = np.random.default_rng(seed)
        weights = np.array([r * (len(c) > 0) for r, c in zip(self.ratios, item["centres"], strict=True)])
        if not weights.any():
            weights = np.array([float(len(c) > 0) for c in item["centres"]])
        centres = item["centres"][random.choice(len(weights), p=weights / weights.sum())]
        centre = np.unravel_index(random.choice(centres), shape)
        box = [
            _around(int(middle), size, length)
            for middle, size, length in zip(centre, self.patch_size, shape, strict=True)
        ]
        change, shift = int(random.integers(2**63)), [0.0] * len(self.axes)
        if self.augmentation is not None:
            reach = self.augmentation.reach(change, len(item["image"]))
            for number, (axis, far) in enumerate(zip(self.axes, reach, strict=True)):
                patch = box[axis]
                box[axis] = _seen(patch, far, shape[axis])
                shift[number] = (sum(patch) - sum(box[axis])) / 2
        cut = {key: _cut(item[key], box).squeeze(self.without) for key in ("image", "label")}
        return {**cut, "shift": np.array(shift, np.float32), "seed": change}


def gather(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put what :class:`PatchDataset`, or :class:`medse.data.images.batches.ImageItems`, returns into a batch.

    Returns:
        ``shift`` ``(B, D)``; of everything else a list, arrays as tensors: pieces differ in size.
    """
    batch: dict[str, Any] = {
        key: [
            torch.from_numpy(item[key]) if isinstance(item[key], np.ndarray) else item[key] for item in items
        ]
        for key in items[0]
    }
    return {**batch, "shift": torch.stack(batch["shift"])}


Span = tuple[int, int]
"""First voxel of a box along an axis of a volume, and the one after its last; they may lie outside the volume."""


def _around(middle: int, size: int, length: int) -> Span:
    """The patch of ``size`` voxels around ``middle`` that keeps inside ``length`` voxels, or surrounds them."""
    start = -((size - length) // 2) if length <= size else min(max(middle - size // 2, 0), length - size)
    return start, start + size


def _seen(patch: Span, reach: float, length: int) -> Span:
    """What lies within ``reach`` of the patch's centre: the patch itself, or what the volume has of anything else."""
    middle, half = (sum(patch) - 1) / 2, (patch[1] - patch[0] - 1) / 2
    if reach == half:
        return patch
    return max(math.floor(middle - reach), 0), min(math.ceil(middle + reach) + 1, length)


def _cut(array: Any, box: Sequence[Span]) -> Any:
    """Copy a box of ``(C, *S)``, with zeros where it lies outside the volume."""
    lengths = array.shape[1:]
    inside = tuple(slice(max(low, 0), min(high, n)) for (low, high), n in zip(box, lengths, strict=True))
    missing = [(max(-low, 0), max(high - n, 0)) for (low, high), n in zip(box, lengths, strict=True)]
    piece = array[(slice(None), *inside)]
    return np.pad(piece, [(0, 0), *missing]) if np.any(missing) else piece.copy()


def check_patch_size(patch_size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    """Raise unless each length of the 2-D or 3-D patch is two or more times its ``stride``, a whole number."""
    lengths = list(zip(patch_size, stride, strict=True))
    if all(n % step == 0 and n >= 2 * step for n, step in lengths):
        return
    works = [max(2 * step, step * round(n / step)) for n, step in lengths]
    steps = stride[0] if len(set(stride)) == 1 else list(stride)
    raise InputError(
        f"data.patch_size {list(patch_size)} does not suit a network of total stride {steps}; each length must "
        f"be a multiple of {steps} and at least {2 * steps if isinstance(steps, int) else 'twice that'}; {works} "
        "would work."
    )

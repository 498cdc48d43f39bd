"""Random patches drawn from prepared cases."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Dataset, Sampler

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
        seeds = random.integers(2**32, size=self.patches)
        return iter([(int(case), int(seed)) for case, seed in zip(order, seeds, strict=True)])


class PatchDataset(Dataset[dict[str, Any]]):
    """Patches of prepared cases, drawn so that foreground is seen often.

    A share ``foreground`` of the patches is centred on a voxel of a foreground class (each class that the
    case holds with the same chance), the others on a background voxel. Axes shorter than the patch are
    padded with 0 on both sides.

    Args:
        cases: What :class:`CaseLoader` returns, for each case.
        patch_size: Window in a volume; for a 2-D network, of length 1 along ``slice_axis``.
        classes: Number of classes including background.
        slice_axis: Axis that patches of a 2-D network are cut across and do not have; None in 3-D.
    """

    def __init__(
        self,
        cases: Dataset[dict[str, Any]],
        patch_size: tuple[int, int, int],
        classes: int,
        foreground: float,
        slice_axis: int | None = None,
    ) -> None:
        self.cases, self.patch_size = cases, patch_size
        self.without = () if slice_axis is None else (1 + slice_axis,)
        self.ratios = [1 - foreground] + [foreground / (classes - 1)] * (classes - 1)

    def __getitem__(self, index: tuple[int, int]) -> dict[str, Any]:
        """Return ``image`` ``(C, *patch)`` and ``label`` ``(1, *patch)`` for a (case, seed) pair.

        ``patch`` has three axes, or two with a ``slice_axis``.
        """
        case, seed = index
        item = self.cases[case]
        padded = {key: self._pad(item[key]) for key in ("image", "label")}
        shape = item["label"].shape[1:]
        random = np.random.default_rng(seed)
        weights = np.array([r * (len(c) > 0) for r, c in zip(self.ratios, item["centres"], strict=True)])
        if not weights.any():
            weights = np.array([float(len(c) > 0) for c in item["centres"]])
        centres = item["centres"][random.choice(len(weights), p=weights / weights.sum())]
        centre = np.unravel_index(random.choice(centres), shape)
        where = [slice(None)]
        for middle, size, length in zip(centre, self.patch_size, shape, strict=True):
            start = 0 if length <= size else min(max(int(middle) - size // 2, 0), length - size)
            where.append(slice(start, start + size))
        return {
            key: np.ascontiguousarray(array[tuple(where)].squeeze(self.without))
            for key, array in padded.items()
        }

    def _pad(self, array: Any) -> Any:
        missing = [max(0, p - n) for p, n in zip(self.patch_size, array.shape[1:], strict=True)]
        if not any(missing):
            return array
        return np.pad(array, [(0, 0), *((n // 2, n - n // 2) for n in missing)])


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

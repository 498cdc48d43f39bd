"""An average of the weights of a training, which classifies better than the last of them."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def moving_average(net: nn.Module, decay: float) -> AveragedModel:
    """Return a copy of ``net`` that follows it as an exponential moving average when ``update_parameters`` is called.

    After n updates the decay is ``min(decay, (1 + n) / (10 + n))``, so that the first, worst weights are soon
    forgotten. Running statistics are averaged like weights.

    Reference:
        Polyak and Juditsky (SIAM J. Control Optim. 1992); the growing decay is that of TensorFlow's
        ExponentialMovingAverage.
    """

    def follow(
        averaged: tuple[Tensor, ...] | list[Tensor],
        current: tuple[Tensor, ...] | list[Tensor],
        updates: Tensor | int,
    ) -> None:
        n = torch.as_tensor(updates, dtype=torch.float32)
        change = 1 - ((1 + n) / (10 + n)).clamp(max=decay)
        for ours, theirs in zip(averaged, current, strict=True):
            if ours.is_floating_point():
                ours.lerp_(theirs.to(ours.dtype), change.to(ours.device, ours.dtype))
            else:
                ours.copy_(theirs)

    return AveragedModel(net, multi_avg_fn=follow, use_buffers=True).eval()

"""Learning which frequency each group of channels looks at."""

from itertools import product

import torch
from torch import Tensor, nn

from medse.attention.fca.frequencies import GRID, Index

COLDEST = 0.01
"""Temperature at the end of a training: scores that differ by 0.05 then weigh 148 to 1."""


class FrequencySearch(nn.Module):
    """A mixture of all components per channel group, which becomes one component.

    Until :meth:`freeze`, in training and in evaluation, a group's coefficient is
    ``sum(softmax(scores / temperature) * coefficients)``; afterwards it is the coefficient with the highest
    score, alone. All scores start equal.

    Args:
        spatial_dims: 2 or 3; there are 49 or 343 components.
        channels: C.
        groups: Groups of neighbouring channels, as equal as possible; each has its own scores.

    Shape:
        ``(B, C, 7, 7)`` or ``(B, C, 7, 7, 7)`` to ``(B, C)``.
    """

    temperature: Tensor
    choice: Tensor

    def __init__(self, spatial_dims: int, channels: int, groups: int) -> None:
        super().__init__()
        self.indices: list[Index] = list(product(range(GRID), repeat=spatial_dims))
        self.channels = channels
        self.scores = nn.Parameter(torch.zeros(groups, len(self.indices)))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("choice", torch.full((groups,), -1))  # -1 until frozen

    def forward(self, coefficients: Tensor) -> Tensor:
        """Return the coefficient of each channel."""
        return (coefficients.flatten(2) * self.weights(coefficients.dtype)).sum(2)

    def weights(self, dtype: torch.dtype) -> Tensor:
        """Return how much each channel has of each component: ``(C, 49 or 343)``, rows that sum to 1."""
        mixture = (self.scores.to(dtype) / self.temperature.to(dtype)).softmax(1)
        choice = self.choice.unsqueeze(1)
        alone = (torch.arange(len(self.indices), device=choice.device) == choice).to(dtype)
        groups = torch.arange(self.channels, device=choice.device) * len(self.scores) // self.channels
        return torch.where(choice < 0, mixture, alone)[groups]

    def anneal(self, share: float) -> None:
        """Set the temperature for a share of the training done: exponentially from 1 at 0 to 0.01 at 1."""
        self.temperature.fill_(COLDEST**share)

    def freeze(self) -> None:
        """Fix each group's best component, for good; a second call changes nothing."""
        self.choice.copy_(torch.where(self.choice < 0, self.scores.argmax(1), self.choice))

    def chosen(self) -> list[Index]:
        """Return the component of each group: the frozen one, or the best so far."""
        best = torch.where(self.choice < 0, self.scores.argmax(1), self.choice)
        return [self.indices[position] for position in best.tolist()]

"""Multi-spectral channel attention: each channel is summed up by a frequency instead of its mean."""

from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from medse.attention.block import AttentionBlock, hidden_channels, typed_for
from medse.attention.fca.frequencies import GRID, Ranked, bases, ranked
from medse.attention.fca.frequency_search import FrequencySearch
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pools import Cosines, Pool, Spectrum, spectrum, weighted_sum
from medse.attention.ops.squeeze import scale, squeeze
from medse.attention.ops.tiles import statistics_dtype
from medse.attention.papers import Paper
from medse.errors import InputError

MOST = 32
"""Components in the authors' rankings."""
Lengths = Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]


class SpectralAttention(AttentionBlock):
    """Channel gate computed from one coefficient of the discrete cosine transform (DCT) per channel.

    ``y = x * gate(W2 relu(W1 z))``. The channels form ``components`` groups of neighbours, as equal as possible,
    and ``z`` of a channel is the sum of its voxels times an orthonormal DCT-II basis function: its group's, a
    product of one cosine per axis. Component 0 along every axis is the mean times the square root of the number
    of voxels, so with ``low`` and one component this is squeeze-and-excitation of a scaled mean.

    Indices are those of a 7 x 7 (x 7) grid; on an axis of ``L >= 7`` voxels, index ``u`` is the frequency
    ``u * (L // 7)``, on a shorter one ``ceil(u * (L - 1) / 6)``.

    Args:
        selection: ``top``, ``low`` and ``bot`` are the authors' rankings: best on ImageNet, lowest frequencies,
            worst on ImageNet. ``nas`` learns a mixture of all components per group, sharpened while medse trains
            it and replaced by its largest part at the end; see ``search``. None is ``top`` in 2-D, the authors'
            choice, and ``low`` in 3-D, where nobody ranked the components.
        components: K, the number of groups.
        size: Lengths of the grid (one for all axes, or one each) to which maps are averaged first, as in the
            authors' code (their 56, 28, 14 and 7); None for a basis on the map's own grid.
        reduction: r; the hidden layer has ``C // r`` units. There are no biases: ``2 C (C // r)`` parameters,
            with ``nas`` and 49 or 343 scores per group.
        gate: Function of the score.

    Attributes:
        search: The :class:`medse.attention.fca.frequency_search.FrequencySearch` of ``nas``, else None.
    """

    title = "Frequency channel attention (FcaNet)"
    papers = (Paper("Qin, Zhang, Wu, Li", "FcaNet: Frequency Channel Attention Networks", "ICCV", 2021),)
    what = (
        "The block se without biases, on other numbers than means: the channels are split into groups, and "
        "each group is weighed with one component of the discrete cosine transform instead of a constant. "
        "Which components: the lowest, the top or the bottom of the authors' ranking, or learned (nas)."
    )
    use = "Classification, at the parameters of se."
    ours = (
        "The 3-D form: products of three cosines, lowest by total frequency. The search nas, of which the "
        "authors released no code."
    )
    suits = ("classification",)
    parameter_formula = "2·C·m with m = C // reduction"
    published = ({"fc1": "fc.0", "fc2": "fc.2"},)

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        selection: Literal["low", "top", "bot", "nas"] | None = None,
        components: Annotated[int, Field(ge=1, le=MOST)] = 16,
        size: PositiveInt | Lengths | None = None,
        reduction: PositiveInt = 16,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        most = min(channels, MOST)
        if components > most:
            raise InputError(
                f"components {components} does not fit {channels} channels, each component needs a channel; allowed "
                f"are 1 to {most}; set components (16 unless given) to one of these, or widen the network."
            )
        hidden = hidden_channels(channels, reduction)
        self.size = _grid(size, spatial_dims)
        default: Ranked = "top" if spatial_dims == 2 else "low"
        self.search: FrequencySearch | None = None
        if selection == "nas":
            self.search = FrequencySearch(spatial_dims, channels, components)
            self.indices = [(index,) * spatial_dims for index in range(GRID)]
        else:
            self.indices = ranked(selection or default, components, spatial_dims)
        self.fc1 = nn.Linear(channels, hidden, bias=False)
        self.fc2 = nn.Linear(hidden, channels, bias=False)
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        """Return ``x * gate(W2 relu(W1 z))``, ``z`` the sum of each channel's voxels times its cosines."""
        exact, cosines = x.to(statistics_dtype(x)), self.cosines(x)
        z = weighted_sum(exact, cosines) if self.search is None else spectrum(exact, cosines)
        return x * self.excite(z).to(x.dtype)

    def excite(self, z: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of a coefficient per channel, or for a search of all of them."""
        if self.search is not None:
            z = self.search(z)
        hidden = self.fc1(typed_for(self.fc1, z)).relu()  # (B, C // r)
        return self.per_channel(GATES[self.gate](self.fc2(hidden)))

    def lean(self, x: Tensor) -> Tensor:
        x, z = squeeze(x, self._pool(x))
        return scale(x, self.excite(z))

    def cosines(self, x: Tensor) -> list[Tensor]:
        """Return for each axis the cosines of all channels, ``(C, length)``, or for a search all 7."""
        return bases(self.indices, self.channels if self.search is None else GRID, x, self.size)

    @torch.no_grad()
    def filters(self, spatial: tuple[int, ...]) -> Tensor:
        """Return what the voxels of maps with these lengths are multiplied by: ``(C, *spatial)``, float32.

        For maps of the size the authors' block was built for, this is their buffer ``dct_layer.weight``.
        """
        device = next((tensor.device for tensor in self.parameters()), None)
        filters = torch.zeros(1, self.channels, *spatial, device=device)
        parts = filters.new_ones(1, self.channels)
        if self.search is not None:
            parts = self.search.weights(filters.dtype).reshape(1, self.channels, *(GRID,) * self.spatial_dims)
        self._pool(filters).spread(parts, filters)
        return filters[0]

    def _pool(self, x: Tensor) -> Pool:
        return (Cosines if self.search is None else Spectrum)(self.cosines(x))


def _grid(size: int | tuple[int, ...] | None, spatial_dims: int) -> tuple[int, ...] | None:
    """Return a length per axis.

    Raises:
        InputError: There are more or fewer, or one is below 1.
    """
    if size is None:
        return None
    grid = (size,) * spatial_dims if isinstance(size, int) else tuple(size)
    if len(grid) != spatial_dims:
        raise InputError(
            f"size is {size} in {spatial_dims}-D; allowed are one length, or one for each of {spatial_dims} "
            "axes; leave size out for a basis that follows the feature map."
        )
    return grid

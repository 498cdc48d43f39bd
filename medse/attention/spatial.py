"""Spatial squeeze-and-excitation: one gate per voxel, computed from all channels."""

from monai.networks.layers.factories import Conv
from torch import Tensor

from medse.attention.block import AttentionBlock, is_plain, typed_for
from medse.attention.gates import GATES, Gate
from medse.attention.ops import tracing
from medse.attention.ops.spatial_gate import gate_voxels, voxel_gates
from medse.attention.ops.tiles import working_dtype
from medse.attention.papers import SCSE


class SpatialSE(AttentionBlock):
    """Voxel gate ``y = x * gate(w . x + b)`` with one 1x1 convolution.

    Args:
        bias: Whether the convolution has a bias, as in the authors' code.
        gate: Function of the score.
    """

    title = "Spatial squeeze-and-excitation (sSE)"
    papers = (SCSE,)
    what = (
        "One gate per voxel: a weighted sum of its channels (a 1x1 convolution) and a sigmoid; all channels "
        "of the voxel are multiplied by it."
    )
    use = "Segmentation, to see what the spatial half of scse does alone."
    parameter_formula = "C + 1"
    published = ({"conv": "conv"},)

    def __init__(
        self, spatial_dims: int, channels: int, *, bias: bool = True, gate: Gate = "sigmoid"
    ) -> None:
        super().__init__(spatial_dims, channels)
        self.conv = Conv[Conv.CONV, spatial_dims](channels, 1, kernel_size=1, bias=bias)
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        """Return ``x * gate(w . x + b)``: section 2.2."""
        return x * self.excite(x)

    def excite(self, x: Tensor) -> Tensor:
        """Return the gates ``(B, 1, *spatial)``."""
        if not is_plain(self.conv):
            return GATES[self.gate](self.conv(typed_for(self.conv, x))).to(x.dtype)
        if not tracing.fusing():
            return voxel_gates(x, self.conv.weight, self.conv.bias, self.gate)
        scores = (x * self.conv.weight.to(x.dtype)).sum(1, keepdim=True)  # the compiler fuses no convolution
        return GATES[self.gate](scores if self.conv.bias is None else scores + self.conv.bias.to(x.dtype))

    def lean(self, x: Tensor) -> Tensor:
        # half precision on a CPU: a single product is faster by the formula
        if x.dtype != working_dtype(x) or not is_plain(self.conv):
            return self.formula(x)
        return gate_voxels(x, self.conv.weight, self.conv.bias, self.gate)

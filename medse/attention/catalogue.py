"""What is known about each attention block: where it comes from, what it does, when to use it, what it costs."""

from dataclasses import dataclass

from medse.attention.papers import (
    CBAM,
    COORDINATE,
    ECA,
    FCA,
    POOLING,
    PROJECT_EXCITE,
    SCSE,
    SCSE_JOURNAL,
    SENET,
    SIMAM,
    Paper,
)


@dataclass(frozen=True)
class Entry:
    """One block.

    Attributes:
        title: Its name in words.
        papers: Where it was published, the original first; none for a block of medse's own.
        what: What it does, with the formula in words.
        use: When to use it.
        parameters: Their number in a single formula, from ``C`` (channels), ``d`` (spatial dimensions) and the
            block's options under their names, in the syntax of Python with ``·`` for a product; abbreviations
            follow after "with", the last to be computed first. Valid for the defaults of all other options.
        ours: What in it is not from the papers; empty where nothing is.
    """

    title: str
    papers: tuple[Paper, ...]
    what: str
    use: str
    parameters: str
    ours: str = ""


CATALOGUE: dict[str, Entry] = {
    "se": Entry(
        title="Squeeze-and-excitation",
        papers=(SENET,),
        what=(
            "One gate per channel: the mean of each channel, two linear layers with a bottleneck and a "
            "ReLU between them, a sigmoid; the channel is multiplied by it."
        ),
        use="Baseline of every comparison.",
        parameters="2·C·m + m + C with m = C // reduction",
    ),
    "cse": Entry(
        title="Channel squeeze-and-excitation (cSE)",
        papers=(SCSE,),
        what="The block se with a wider bottleneck, reduction 2.",
        use="Segmentation, to see what the channel half of scse does alone.",
        parameters="2·C·m + m + C with m = C // reduction",
    ),
    "sse": Entry(
        title="Spatial squeeze-and-excitation (sSE)",
        papers=(SCSE,),
        what=(
            "One gate per voxel: a weighted sum of its channels (a 1x1 convolution) and a sigmoid; all "
            "channels of the voxel are multiplied by it."
        ),
        use="Segmentation, to see what the spatial half of scse does alone.",
        parameters="C + 1",
    ),
    "scse": Entry(
        title="Concurrent spatial and channel squeeze-and-excitation (scSE)",
        papers=(SCSE, SCSE_JOURNAL),
        what=(
            "The block cse and the block sse on the same input, combined voxel by voxel: the larger of both"
            " products (max, as in the authors' code), their sum, the product of both gates, or both side "
            "by side."
        ),
        use="Segmentation, 2-D and 3-D: the first to try.",
        ours="With combine: concat, a 1x1 convolution brings the 2C channels back to C.",
        parameters="2·C·m + m + C + C + 1 with m = C // reduction",
    ),
    "pe": Entry(
        title="Project & excite (P&E)",
        papers=(PROJECT_EXCITE,),
        what=(
            "One gate per voxel and channel: the means over all axes but one are profiles along depth, "
            "height and width; their sum at each voxel goes through two 1x1 convolutions with a bottleneck "
            "and a ReLU, and a sigmoid."
        ),
        use="Segmentation of 3-D volumes.",
        ours="The 2-D form: a row profile plus a column profile.",
        parameters="2·C·m + m + C with m = C // reduction",
    ),
    "eca": Entry(
        title="Efficient channel attention (ECA)",
        papers=(ECA,),
        what=(
            "One gate per channel: the mean of each channel, a 1-D convolution of odd length across "
            "neighbouring channels without bias, a sigmoid. The length follows from the number of channels."
        ),
        use="Classification; very few parameters.",
        ours="The 3-D form: the mean runs over three axes.",
        parameters="k with k = t + 1 - t % 2 and t = int((log2(C) + b) / gamma)",
    ),
    "fca": Entry(
        title="Frequency channel attention (FcaNet)",
        papers=(FCA,),
        what=(
            "The block se without biases, on other numbers than means: the channels are split into groups, "
            "and each group is weighed with one component of the discrete cosine transform instead of a "
            "constant. Which components: the lowest, the top or the bottom of the authors' ranking, or "
            "learned (nas)."
        ),
        use="Classification, at the parameters of se.",
        ours=(
            "The 3-D form: products of three cosines, lowest by total frequency. The search nas, of which "
            "the authors released no code."
        ),
        parameters="2·C·m with m = C // reduction",
    ),
    "coord": Entry(
        title="Coordinate attention",
        papers=(COORDINATE,),
        what=(
            "One gate per position along each axis and channel: the profiles along all axes, end to end, go"
            " through a common 1x1 convolution, batch norm and hard swish, then each through a 1x1 "
            "convolution and a sigmoid; the input is multiplied by the gates of all axes."
        ),
        use="Segmentation and mobile networks.",
        ours="The 3-D form: three profiles and three gates.",
        parameters="(d + 1)·C·m + 3·m + d·C with m = max(min_channels, C // reduction)",
    ),
    "simam": Entry(
        title="SimAM",
        papers=(SIMAM,),
        what=(
            "One gate per voxel and channel without any parameter: the squared distance from the channel's "
            "mean, over four times the variance plus lambda, plus a half, and a sigmoid."
        ),
        use="No parameter to spare; mobile networks.",
        ours=(
            "The 3-D form: mean and variance over three axes; a channel with a single voxel gets the gate "
            "of a constant."
        ),
        parameters="0",
    ),
    "spse": Entry(
        title="Spatial pyramid squeeze-and-excitation (SPSE)",
        papers=(POOLING,),
        what=(
            "The block se on more than means: each channel is pooled to grids of several sizes, each grid "
            "is summed with learned weights of that channel, and the sums are added and batch-normalised."
        ),
        use="Classification, to try a pooling richer than the mean.",
        ours="The 3-D form: cubic grids.",
        parameters="(sum(k**d for k in levels) + len(levels) + 2)·C + 2·C·m + m + C with m = C // reduction",
    ),
    "rgse": Entry(
        title="Resolution-guided squeeze-and-excitation (RGSE)",
        papers=(POOLING,),
        what=(
            "The block se on more than means: each channel is pooled to one grid, which is summed with "
            "learned weights of that channel and batch-normalised."
        ),
        use="Classification, to try a pooling richer than the mean.",
        ours="The 3-D form: a cubic grid; a grid of one size for inputs of every size, by adaptive pooling.",
        parameters="(grid**d + 2)·C + 2·C·m + m + C with m = C // reduction",
    ),
    "cbam": Entry(
        title="Convolutional block attention module (CBAM)",
        papers=(CBAM,),
        what=(
            "A gate per channel, then a gate per voxel: means and maxima of each channel go through one "
            "common pair of linear layers and are added before the sigmoid; then the mean and the maximum "
            "over channels at each voxel go through a large convolution, batch norm and a sigmoid."
        ),
        use="Baseline of every comparison.",
        ours="The 3-D form: a cubic kernel.",
        parameters="2·C·m + m + C + 2·kernel_size**d + 2 with m = C // reduction",
    ),
    "hybrid": Entry(
        title="Hybrid of several blocks",
        papers=(),
        what="Two or more blocks, one after the other or side by side on the same input.",
        use="Ablations: what two mechanisms do together.",
        ours="All of it.",
        parameters="the sum of its blocks",
    ),
}
"""Name in a configuration -> what is known about the block."""

GUIDE: dict[str, tuple[str, ...]] = {
    "segmentation": ("scse", "coord"),
    "segmentation of 3-D volumes": ("scse", "pe"),
    "classification": ("eca", "fca"),
    "mobile and embedded networks": ("coord", "simam"),
    "hardly any parameters": ("simam", "eca"),
    "a baseline to compare with": ("se", "cbam"),
}
"""Purpose -> the blocks to try first."""

"""The papers in which the blocks were published."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """Where a block was published."""

    authors: str
    title: str
    venue: str
    year: int

    @property
    def short(self) -> str:
        """``Hu et al. 2018``."""
        first, *others = self.authors.split(", ")
        return f"{first}{' et al.' if others else ''} {self.year}"


SENET = Paper("Hu, Shen, Sun", "Squeeze-and-Excitation Networks", "CVPR", 2018)
SCSE = Paper(
    "Roy, Navab, Wachinger",
    "Concurrent Spatial and Channel 'Squeeze & Excitation' in Fully Convolutional Networks",
    "MICCAI",
    2018,
)
SCSE_JOURNAL = Paper(
    "Roy, Navab, Wachinger",
    "Recalibrating Fully Convolutional Networks with Spatial and Channel 'Squeeze & Excitation' Blocks",
    "IEEE Transactions on Medical Imaging 38(2)",
    2019,
)
PROJECT_EXCITE = Paper(
    "Rickmann, Roy, Sarasua, Navab, Wachinger",
    "'Project & Excite' Modules for Segmentation of Volumetric Medical Scans",
    "MICCAI",
    2019,
)
ECA = Paper(
    "Wang, Wu, Zhu, Li, Zuo, Hu",
    "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
    "CVPR",
    2020,
)
FCA = Paper("Qin, Zhang, Wu, Li", "FcaNet: Frequency Channel Attention Networks", "ICCV", 2021)
COORDINATE = Paper(
    "Hou, Zhou, Feng", "Coordinate Attention for Efficient Mobile Network Design", "CVPR", 2021
)
SIMAM = Paper(
    "Yang, Zhang, Li, Xie",
    "SimAM: A Simple, Parameter-Free Attention Module for Convolutional Neural Networks",
    "ICML",
    2021,
)
POOLING = Paper(
    "Jin, Xie, Wei, Zhao, Chen, Tan",
    "Delving deep into spatial pooling for squeeze-and-excitation networks",
    "Pattern Recognition 121, 108159",
    2022,
)
CBAM = Paper("Woo, Park, Lee, Kweon", "CBAM: Convolutional Block Attention Module", "ECCV", 2018)

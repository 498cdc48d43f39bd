"""Where a block or a network was published, and the papers that several of them share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """Where something was published."""

    authors: str
    title: str
    venue: str
    year: int

    @property
    def short(self) -> str:
        """``Hu et al. 2018``."""
        first, *others = self.authors.split(", ")
        return f"{first}{' et al.' if others else ''} {self.year}"


SCSE = Paper(
    "Roy, Navab, Wachinger",
    "Concurrent Spatial and Channel 'Squeeze & Excitation' in Fully Convolutional Networks",
    "MICCAI",
    2018,
)
COORDINATE = Paper(
    "Hou, Zhou, Feng", "Coordinate Attention for Efficient Mobile Network Design", "CVPR", 2021
)

"""A data set made ready for a network: headers and the way to the network's grid."""

from dataclasses import dataclass

from medse.config.run import Config
from medse.data.augmentation.augmentation import Augmentation
from medse.data.cases import Dataset
from medse.data.headers import Headers, read_headers
from medse.data.loading import CaseLoader
from medse.preprocess import Preprocessing
from medse.runs import build


@dataclass(frozen=True)
class PreparedData:
    """What a configuration makes of its data set before the first voxel is read.

    Attributes:
        dataset: Its labelled cases, channels and classes.
        headers: Grids of all cases, and whether they are oriented.
        preprocessing: The way to the network's grid.
        augmentation: Random changes of patches, None where none are configured.
        loader: Reads a case and brings it to that grid.
    """

    dataset: Dataset
    headers: Headers
    preprocessing: Preprocessing
    augmentation: Augmentation | None
    loader: CaseLoader


def prepare_data(config: Config, dataset: Dataset) -> PreparedData:
    """Read all headers; ``medse check`` and ``medse train`` see the same.

    Raises:
        InputError: A header cannot be used, or a mirror would swap sides.
    """
    headers = read_headers(dataset, config.data.fix_geometry is not None)
    preprocessing = build.preprocessing(config.data, headers.grids.values())
    return PreparedData(
        dataset=dataset,
        headers=headers,
        preprocessing=preprocessing,
        augmentation=build.augmentation(config, dataset, headers.oriented),
        loader=build.loader(config.data, preprocessing, dataset),
    )

"""Reader of folders of images and label maps with alike names."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from medse.data.cases import Case, Dataset
from medse.data.readers.listing import Channels, gather, given_labels, named_channels
from medse.labels import Labels
from medse.volumes.patterns import NamePattern, check_pattern, match_cases

Pattern = Annotated[str, AfterValidator(check_pattern)]


def read_folders(
    root: Path,
    labels: Labels | None,
    *,
    images: Annotated[tuple[Pattern, ...], Field(min_length=1)] = ("images/{case}.nii.gz",),
    label: Pattern = "labels/{case}.nii.gz",
    channels: Channels | None = None,
) -> Dataset:
    """Files whose paths tell their case, such as images/{case}.nii.gz, or {case}/imaging.nii.gz in a folder for each.

    Each case is its own group: the layout has no patient ids.

    Args:
        images: A pattern for each channel, or one of files that hold all; ``{case}`` stands for the case id.
        label: The pattern of the label maps.
        channels: Names of the channels; None for one per pattern, named after it.
    """
    source = str(root)
    named = given_labels(labels, source)
    patterns = [NamePattern.of(root, text) for text in (*images, label)]
    found = match_cases(patterns)
    cases = (Case(name, files[:-1], files[-1], group=name) for name, files in found.items())
    return Dataset(root.name, named_channels(channels, images), named, gather(cases, source, root))

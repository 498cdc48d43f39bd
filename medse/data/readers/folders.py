"""Reader of folders of images and label maps with alike names."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from medse.data.cases import Case, Dataset
from medse.data.readers.listing import gather, given_labels
from medse.labels import Labels
from medse.volumes.names import NamePattern, check_pattern, match_cases

Pattern = Annotated[str, AfterValidator(check_pattern)]


def read_folders(
    root: Path,
    labels: Labels | None,
    *,
    images: Annotated[tuple[Pattern, ...], Field(min_length=1)] = ("images/{case}.nii.gz",),
    label: Pattern = "labels/{case}.nii.gz",
) -> Dataset:
    """Files whose names tell their case, such as images/{case}.nii.gz and labels/{case}.nii.gz.

    Each case is its own group: the layout has no patient ids.

    Args:
        images: A pattern for each channel, which is named after it; ``{case}`` stands for the case id.
        label: The pattern of the label maps.
    """
    source = str(root)
    named = given_labels(labels, source)
    patterns = [NamePattern.of(root, text) for text in (*images, label)]
    found = match_cases(patterns)
    cases = (Case(name, files[:-1], files[-1], group=name) for name, files in found.items())
    return Dataset(root.name, tuple(images), named, gather(cases, source))

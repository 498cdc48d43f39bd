"""What is known of the images that are explained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medse.data.images.cases import ImageCase, ImageDataset
from medse.errors import InputError, some
from medse.volumes.names import located

UNKNOWN = ""
"""Label of an image of which no class is known."""


def with_references(cases: Sequence[ImageCase], references: ImageDataset) -> list[ImageCase]:
    """Return the images with class, group and outline of the references' case that is the same file and slice.

    An image that the references do not name stays as it is.

    Args:
        cases: As of :func:`medse.data.images.inputs.collect_images`; they keep their ids.

    Raises:
        InputError: The references name none of the images.
    """
    known = {(located(case.image), case.slice): case for case in references.cases}
    found = [known.get((located(case.image), case.slice)) for case in cases]
    if not any(found):
        raise InputError(
            f"The references {references.name!r} name none of the {len(cases)} images, such as {cases[0].image}; "
            "they are told by their files; give the references of these images, or leave them out."
        )
    return [
        case if one is None else replace(case, label=one.label, group=one.group, mask=one.mask)
        for case, one in zip(cases, found, strict=True)
    ]


def chosen(cases: Sequence[ImageCase], listed: Mapping[str, str]) -> list[ImageCase]:
    """Return the images that a list names; a group that differs from the id takes the place of an unknown one.

    Args:
        listed: Case id -> group, such as those that a run was validated on.

    Raises:
        InputError: The list names a case that there is not.
    """
    by_id = {case.id: case for case in cases}
    if unknown := [name for name in listed if name not in by_id]:
        raise InputError(
            f"{len(unknown)} cases of the list are no images that were given: {some(unknown)}; the images are named "
            f"{some([*by_id])}; correct the list, or give the images that it names."
        )
    return [
        replace(by_id[name], group=group) if by_id[name].group == name else by_id[name]
        for name, group in listed.items()
    ]

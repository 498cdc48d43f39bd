"""``name=folder`` on the command line -> the models and the folders of their trainings."""

from collections.abc import Sequence
from pathlib import Path

from medse.errors import InputError
from medse.scores.names import check_names

_FORM = "give each as NAME=FOLDER, the same name for trainings of one model that differ only in their seed"


def read_arguments(arguments: Sequence[str]) -> list[tuple[str, Path]]:
    """Return the name and folder of each; a folder without a name is named after itself.

    What stands before the first ``=`` is a name unless it holds a slash.

    Raises:
        InputError: There are fewer than two models; a name cannot stand in a table; two folders would
            have the same name without being given it; or a model is given the same folder twice.
    """
    given = [_split(argument) for argument in arguments]
    found: list[tuple[str, Path]] = [(name or folder.resolve().name, folder) for name, folder in given]
    check_names((name for name, _ in found), "model")
    for k, (name, folder) in enumerate(found):
        for (explicit, _), (earlier_name, earlier) in zip(given[:k], found[:k], strict=True):
            if name != earlier_name:
                continue
            if folder.resolve() == earlier.resolve():
                raise InputError(
                    f"{folder} is given twice as {name}; a training counts once; leave one of them out."
                )
            if explicit is None or given[k][0] is None:
                raise InputError(
                    f"{earlier} and {folder} would both be named {name}; names tell models apart; {_FORM}."
                )
    if len({name for name, _ in found}) < 2:
        raise InputError(
            f"{' '.join(arguments)} is one model; a comparison needs at least two; add another folder that "
            "medse evaluate wrote."
        )
    return found


def _split(argument: str) -> tuple[str | None, Path]:
    name, equals, folder = argument.partition("=")
    if not equals or "/" in name or "\\" in name:
        return None, Path(argument)
    if not name.strip() or not folder:
        raise InputError(f"{argument!r} has an empty name or folder; expected NAME=FOLDER; {_FORM}.")
    return name, Path(folder)

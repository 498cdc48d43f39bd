"""The one exception that a user's own input may raise."""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence, Set
from types import TracebackType


class InputError(ValueError):
    """Something that was given cannot be used.

    The message is one sentence: what is wrong, what was given, what is allowed and what to do. The
    command line prints it without a traceback and exits with code 2.
    """


SHOWN = 20
"""How many sentences one error has at most."""


class Refusals:
    """Collects the refusals of several things that are looked at one after the other.

    ``with refusals:`` keeps an :class:`InputError` of its block and goes on after it.
    """

    def __init__(self, sentences: Iterable[str] = ()) -> None:
        self.sentences = list(sentences)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, InputError):
            self.sentences.append(str(error))
        return isinstance(error, InputError)

    def raise_any(self) -> None:
        """Raise one error with all sentences, a line each, if there are any.

        Those that say the same of several files are one.

        Raises:
            InputError: Something was refused.
        """
        if self.sentences:
            different = _together(self.sentences)
            more = [f"and {len(different) - SHOWN} more of the kind."] if len(different) > SHOWN else []
            raise InputError("\n".join(different[:SHOWN] + more))


_ABOUT_A_FILE = re.compile(r"(?P<file>\S.*?\.\w{2,5}) (?P<said>.+)\.", re.DOTALL)


def _together(sentences: Sequence[str]) -> list[str]:
    """Return each sentence once; what is said of several files, of the first and with the names of the others."""
    files: dict[str, list[str]] = {}
    for sentence in dict.fromkeys(sentences):
        about = _ABOUT_A_FILE.fullmatch(sentence)
        file, said = (about["file"], f" {about['said']}") if about else ("", sentence.removesuffix("."))
        files.setdefault(said, []).append(file)
    return [
        f"{first}{said}{f'; the same holds for {len(others)} more: {some(others)}' * bool(others)}."
        for said, (first, *others) in files.items()
    ]


NAMES_SHOWN = 5
"""How many names a message lists before it only counts."""


def count(names: Sequence[str], one: str, several: str) -> str:
    """Return how many there are of what: ``1 file`` or ``3 files``."""
    return f"{len(names)} {one if len(names) == 1 else several}"


def some(names: Collection[str]) -> str:
    """Return the first names, those of a set in alphabetical order, and how many more there are; or ``none``."""
    ordered = sorted(names) if isinstance(names, Set) else list(names)
    more = f" and {len(ordered) - NAMES_SHOWN} more" if len(ordered) > NAMES_SHOWN else ""
    return (", ".join(ordered[:NAMES_SHOWN]) or "none") + more


def nearest(name: str, choices: Collection[str]) -> str:
    """Return ``" did you mean 'x'?"`` for the choice closest to ``name``, or an empty string."""
    close = difflib.get_close_matches(name, choices, n=1)
    return f" did you mean {close[0]!r}?" if close else ""

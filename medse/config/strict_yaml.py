"""Reading a configuration file, so that every value is known with its line."""

from dataclasses import dataclass
from pathlib import Path

from medse.config.reading import read_text
from medse.config.wording import KeyPath, refuse, shown
from medse.errors import InputError


@dataclass(frozen=True)
class Source:
    """A configuration as it was written, before it is checked.

    Attributes:
        path: The file.
        tree: Plain dict, list, str, int, float, bool and None.
        places: Key path -> ``line 12`` or ``override 'optimizer.lr=x'``.
    """

    path: Path
    tree: dict[str, object]
    places: dict[KeyPath, str]

    def place(self, path: KeyPath) -> str | None:
        """Return where ``path``, or else the nearest section around it, was written."""
        around = (path[:length] for length in range(len(path), 0, -1))
        return next((self.places[key] for key in around if key in self.places), None)


def read_yaml(path: Path) -> Source:
    """Read a configuration file: YAML as :mod:`medse.config.reading` describes it.

    Raises:
        InputError: There is no such file, it is not UTF-8, it holds no keys, or it is not such YAML; all
            repeated keys and other mistakes are listed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror or error}; give the path of a YAML configuration file."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    reading = read_text(text)
    if reading.mistakes:
        refuse(path, reading.mistakes)
    if not isinstance(reading.value, dict):
        given = "is empty" if reading.value is None else f"holds {shown(reading.value)}"
        raise InputError(f"{path} {given}; it must hold keys with a colon and a value, such as 'seed: 0'.")
    return Source(path, reading.value, reading.places)

"""YAML as people expect it: every key once, ``1e-3`` a number, ``no`` a word, nothing clever.

Aliases, merge keys and tags are refused, so that a text means what it shows, cannot grow while it is read, and
yields nothing but plain values. Unquoted words mean what YAML 1.2's core schema says, with ``none`` as null;
PyYAML's constructors, and their ideas of octal numbers and truth, are never asked.
"""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from medse.allowed import KeyPath, dotted, shown
from medse.errors import InputError

MAX_DEPTH = 32
"""Sections within sections that are read; a configuration has about four."""
SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: PyYAML lets an escape make one, but no file or JSON text can hold it."""

_NULL = re.compile(r"|~|null|Null|NULL|none|None|NONE")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,300}")  # Python refuses to convert thousands of digits
_OTHER_BASE = re.compile(r"0x[0-9a-fA-F]{1,200}|0o[0-7]{1,200}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True)
class Mistake:
    """One thing to correct.

    Attributes:
        place: ``line 12`` or ``override 'optimizer.lr=x'``; None where the file says nothing at all.
        text: What is wrong, what was given and what is allowed.
    """

    place: str | None
    text: str


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


def refuse(path: Path, mistakes: Sequence[Mistake]) -> NoReturn:
    """Raise one error that lists ``mistakes`` in the order of the file, overrides last.

    Raises:
        InputError: Always; one sentence for one mistake, else a line per mistake.
    """
    ordered = sorted(dict.fromkeys(mistakes), key=_line)
    if len(ordered) == 1:
        place = f", {ordered[0].place}" if ordered[0].place else ""
        raise InputError(f"{path}{place}: {ordered[0].text}")
    lines = (f"  {place}: {text}" if place else f"  {text}" for place, text in map(astuple, ordered))
    raise InputError("\n".join([f"{path} has {len(ordered)} mistakes:", *lines]))


def read_yaml(path: Path) -> Source:
    """Read a configuration file.

    Raises:
        InputError: There is no such file, it is not UTF-8, it holds no keys, or it is not YAML of this kind; all
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


class _Loader(yaml.BaseLoader):
    """PyYAML's own, without what makes a text more than the tree that it shows."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        problem = ""
        if isinstance(event, yaml.AliasEvent):
            problem = f"the alias *{event.anchor} is not supported; write the value out"
        elif event.tag is not None:
            problem = f"the tag {shown(event.tag)} is not supported; write a plain value"
        elif self.depth > MAX_DEPTH:
            problem = f"there are more than {MAX_DEPTH} levels of nesting; use fewer"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


@dataclass
class Reading:
    """What one YAML text says.

    Attributes:
        fixed_place: Where all of it stands; where that is empty, each line is a place.
        value: Plain values; meaningless when there are mistakes.
        places: Key path -> where it was written.
        mistakes: Everything in the text that is refused.
    """

    fixed_place: str = ""
    value: object = None
    places: dict[KeyPath, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def node(self, node: yaml.Node | None, path: KeyPath) -> object:
        """Return the plain value of ``node``; note the places in it and what is refused."""
        if isinstance(node, yaml.ScalarNode):
            if SURROGATE.search(node.value):
                self.refuse(
                    node.start_mark, f"{dotted(path)} has half a surrogate pair; correct its \\u escape"
                )
            return plain_scalar(node.value) if node.style is None else node.value
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.places[*path, index] = self.place(item.start_mark)
            return [self.node(item, (*path, index)) for index, item in enumerate(node.value)]
        section: dict[str, object] = {}
        for key, value in node.value if node else ():
            if isinstance(key, yaml.ScalarNode):
                self.entry(key, value, section, path)
            else:
                self.refuse(key.start_mark, "a list or a section is used as a key; a key must be one word")
        return section if node else None

    def entry(
        self, key: yaml.ScalarNode, value: yaml.Node, section: dict[str, object], path: KeyPath
    ) -> None:
        """Read a key and its value into ``section``; of a repeated key the first place stays."""
        here, place = (*path, key.value), self.place(key.start_mark)
        self.node(key, here)
        if key.value == "<<" and key.style is None:
            self.refuse(key.start_mark, "the merge key << is not supported; write the keys out")
        if key.value in section:
            given = "" if self.places[here] == place else f"; it was given on {self.places[here]} already"
            self.refuse(key.start_mark, f"{dotted(here)} is repeated{given}; keep one of them")
        self.places.setdefault(here, place)
        section[key.value] = self.node(value, here)

    def place(self, mark: yaml.Mark | None) -> str:
        return self.fixed_place or f"line {mark.line + 1 if mark else 1}"

    def refuse(self, mark: yaml.Mark | None, text: str) -> None:
        self.mistakes.append(Mistake(self.place(mark), text))


def read_text(text: str, place: str = "", inside: KeyPath = ()) -> Reading:
    """Read one YAML document.

    Args:
        text: The document.
        place: Where all of it stands; without one, each line is a place.
        inside: Key path of the document's root.
    """
    reading = Reading(place)
    try:
        reading.value = reading.node(_Loader(text).get_single_node(), inside)
    except yaml.MarkedYAMLError as error:
        begun, end = error.context_mark, error.problem_mark
        elsewhere = begun and end and begun.line != end.line
        where = f" {error.context} that starts on {reading.place(begun)}" if elsewhere else ""
        tab = "; indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
        reading.refuse(end, f"this YAML cannot be read: {error.problem}{where}{tab}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reading.mistakes.append(Mistake(place or f"line {line}", "an unprintable character; remove it"))
    except (ValueError, OverflowError):  # PyYAML converts the numbers in escapes and directives unchecked
        reading.refuse(None, "this YAML cannot be read: an escape or a directive is out of range")
    return reading


def plain_scalar(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted ``text``; ``no``, ``1_000``, ``1:30`` and dates stay text."""
    if _NULL.fullmatch(text):
        return None
    if _BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(text.replace(".", "")) if _SPECIAL.fullmatch(text) else text


def dump_yaml(tree: object) -> str:
    """Return YAML that :func:`read_yaml` reads back as ``tree``.

    PyYAML's own dump leaves text such as ``none`` and ``1e-3`` unquoted and writes anchors for a value that
    occurs twice.
    """
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = None if isinstance(plain_scalar(data), str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


def _line(mistake: Mistake) -> float:
    """Sort key: no place first, then lines, then overrides."""
    line = re.fullmatch(r"line (\d+)", mistake.place or "line 0")
    return float(line[1]) if line else float("inf")

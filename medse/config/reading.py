"""YAML as people expect it: every key once, ``1e-3`` a number, ``no`` a word, nothing clever.

Anchors, aliases, merge keys and tags are refused, so that a text means what it shows, cannot grow while it
is read, and yields nothing but plain values. These are built straight from the parser's events; PyYAML's
constructors, and their ideas of octal numbers and truth, are never asked.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from medse.config.scalars import plain_scalar
from medse.config.wording import KeyPath, Mistake, dotted, shown

MAX_DEPTH = 32
"""Sections within sections that are read; a configuration has about four."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: PyYAML lets an escape make one, but no file or JSON text can hold it."""


@dataclass
class Reading:
    """What one YAML text says.

    Attributes:
        value: Plain values; meaningless when there are mistakes.
        places: Key path -> where it was written.
        mistakes: Everything in the text that is refused.
    """

    value: object = None
    places: dict[KeyPath, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def read_text(text: str, place: str = "", inside: KeyPath = ()) -> Reading:
    """Read one YAML document.

    Args:
        text: The document.
        place: Where all of it stands; without one, each line is a place.
        inside: Key path of the document's root.
    """
    walk = _Walk(text, place)
    try:
        walk.reading.value = walk.document(inside)
    except yaml.MarkedYAMLError as error:
        walk.refuse(_line(error.problem_mark), f"this is not YAML: {walk.problem(error)}")
    except yaml.reader.ReaderError as error:
        walk.refuse(text.count("\n", 0, error.position), "an unprintable character stands here; remove it")
    except (ValueError, OverflowError):  # PyYAML converts the numbers in escapes and directives unchecked
        walk.refuse(0, "this is not YAML: an escape or a directive is out of range")
    return walk.reading


class _Walk:
    def __init__(self, text: str, place: str) -> None:
        self.events: Any = yaml.parse(text, Loader=yaml.SafeLoader)
        self.fixed_place = place
        self.reading = Reading()

    def document(self, path: KeyPath) -> object:
        value: object = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self.refuse(_line(event.start_mark), "a second document starts here; keep one per file")
            elif isinstance(event, yaml.NodeEvent):
                value = self.node(event, path)
        return value

    def node(self, event: Any, path: KeyPath) -> object:
        self.check(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                here = (*path, len(items))
                self.reading.places[here] = self.place(_line(event.start_mark))
                items.append(self.node(event, here))
            return items
        if isinstance(event, yaml.MappingStartEvent):
            section: dict[str, object] = {}
            while not isinstance(event := next(self.events), yaml.MappingEndEvent):
                self.entry(event, section, path)
            return section
        if isinstance(event, yaml.ScalarEvent):
            return plain_scalar(event.value) if event.style is None else event.value
        return None

    def entry(self, event: Any, section: dict[str, object], path: KeyPath) -> None:
        """Read a key and its value into ``section``; of a repeated key the first value stays."""
        line = _line(event.start_mark)
        if not isinstance(event, yaml.ScalarEvent):
            if not isinstance(event, yaml.AliasEvent):
                self.refuse(line, "a list or a section is used as a key; a key must be one word")
            self.node(event, path)
            self.node(next(self.events), path)
            return
        key = event.value
        here = (*path, key)
        self.check(event, here)
        if key == "<<" and event.style is None:
            self.refuse(line, "the merge key << is not supported; write the keys out")
        if key in section:
            first = self.reading.places[here]
            given = "" if first == self.place(line) else f"; it was given on {first} already"
            self.refuse(line, f"{dotted(here)} is repeated{given}; keep one of them")
        self.reading.places.setdefault(here, self.place(line))
        section.setdefault(key, self.node(next(self.events), here))

    def check(self, event: Any, path: KeyPath) -> None:
        """Note what makes ``event`` more than a plain value."""
        line = _line(event.start_mark)
        if len(path) > MAX_DEPTH:
            problem = f"more than {MAX_DEPTH} levels of nesting"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            self.refuse(line, f"the alias *{event.anchor} is not supported; write the value out")
            return
        if event.anchor is not None:
            self.refuse(line, f"the anchor &{event.anchor} is not supported; leave it out")
        if event.tag is not None:
            self.refuse(line, f"the tag {shown(event.tag)} is not supported; write a plain value")
        if isinstance(event, yaml.ScalarEvent) and SURROGATE.search(event.value):
            self.refuse(line, f"{dotted(path)} has half a surrogate pair; correct its \\u escape")

    def place(self, line: int) -> str:
        return self.fixed_place or f"line {line + 1}"

    def problem(self, error: yaml.MarkedYAMLError) -> str:
        """Return what the parser says, and where that began if it was on another line."""
        start = _line(error.context_mark)
        elsewhere = error.context_mark and start != _line(error.problem_mark)
        begun = f" {error.context} that starts on {self.place(start)}" if elsewhere else ""
        tab = "; indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
        return f"{error.problem}{begun}{tab}"

    def refuse(self, line: int, text: str) -> None:
        self.reading.mistakes.append(Mistake(self.place(line), text))


def _line(mark: Any) -> int:
    """Return the line, counted from 0, that ``mark`` points at; the first where there is none."""
    return int(mark.line) if mark else 0

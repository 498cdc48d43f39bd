"""Settings from the command line: ``optimizer.lr=1e-3 net.attention=scse``."""

from collections.abc import Sequence
from copy import deepcopy

from pydantic import BaseModel

from medse.allowed import Schema, child, choices, dotted, keys, meant, schema_of, shown
from medse.config.strict_yaml import MAX_DEPTH, SURROGATE, Mistake, Source, read_text, refuse


def apply_overrides(source: Source, overrides: Sequence[str], model: type[BaseModel]) -> Source:
    """Return ``source`` with each ``section.key=value`` set; the values are read as in a file.

    The order of overrides does not matter: ``net=unet`` comes before ``net.attention=scse``. A section that
    the file does not write starts from the default in ``model``, and one that is written as a bare name
    becomes a section with that name. Whether the keys and values exist is for
    :func:`medse.config.validation.validate` to say, like for those in the file.

    Raises:
        InputError: An override has no ``=`` or no key, is not YAML, leads through a value that is no
            section, or sets what another one sets; all of them are listed.
    """
    result = Source(source.path, deepcopy(source.tree), dict(source.places))
    mistakes: list[Mistake] = []
    given: dict[tuple[str, ...], tuple[str, object]] = {}
    for override in overrides:
        place = f"override {shown(override)}"
        key, equals, text = override.partition("=")
        path = tuple(part.strip() for part in key.split("."))
        if problem := _unusable(path, equals):
            mistakes.append(Mistake(place, problem))
        elif path in given:
            first, _ = given[path]
            mistakes.append(Mistake(place, f"{dotted(path)} is set by {first} too; keep one of them"))
        else:
            reading = read_text(text, place, inside=path)
            mistakes.extend(reading.mistakes)
            given[path] = (place, reading.value)
    schema = schema_of(model)
    for path, (place, value) in sorted(given.items(), key=lambda item: len(item[0])):
        if problem := _set(result, schema, path, value, place):
            mistakes.append(Mistake(place, problem))
    if mistakes:
        refuse(source.path, mistakes)
    return result


def _unusable(path: tuple[str, ...], equals: str) -> str:
    if not equals:
        return "there is no '='; write section.key=value"
    if not all(path) or SURROGATE.search("".join(path)):
        return "there is no key before the '=' or beside a dot; write section.key=value"
    return f"there are more than {MAX_DEPTH} dots in the key" if len(path) > MAX_DEPTH else ""


def _set(source: Source, schema: Schema, path: tuple[str, ...], value: object, place: str) -> str:
    """Set the value at ``path``, or return why that cannot be."""
    section = source.tree
    for depth, key in enumerate(path[:-1], start=1):
        schema = child(meant(schema, section), key)
        inner = section[key] if key in section else deepcopy(schema.get("default"))
        if isinstance(inner, str) and "name" in keys(schema) and choices(schema):
            inner = {"name": inner}
        if inner is None:
            inner = {}
        if not isinstance(inner, dict):
            remedy = "set the whole list" if isinstance(inner, list) else "set the value itself"
            return f"{dotted(path[:depth])} = {shown(inner)} is not a section; {remedy}"
        if section.get(key) is None:
            source.places[path[:depth]] = place
        section[key] = inner
        section = inner
    for stale in [known for known in source.places if known[: len(path)] == path]:
        del source.places[stale]
    section[path[-1]] = value
    source.places[path] = place
    return ""

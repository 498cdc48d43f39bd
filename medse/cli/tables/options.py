"""The options of a block or a network on the terminal."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from pydantic import BaseModel
from rich.markup import escape
from rich.table import Table

from medse.allowed import allowed, schema_of, shown
from medse.registry import options_model


def options_table(builder: Callable[..., Any], derived: Collection[str], name: str) -> Table:
    """Return a table of all options with their defaults.

    Args:
        builder: What has the options in its signature.
        derived: Parameters of it that are no options.
        name: Its name in a configuration.
    """
    table = Table(title="Options", title_justify="left")
    table.add_column("option", no_wrap=True)
    table.add_column("default")
    table.add_column("allowed")
    for key, default, words in _options(builder, derived, name):
        table.add_row(key, escape(default), escape(words))
    return table


def section_table(section: type[BaseModel], name: str, what: str) -> Table:
    """Return a table of the keys of a section of a configuration: as they are written, default and meaning.

    Args:
        name: Of the section.
        what: What the keys are about.
    """
    table = Table(title=f"Keys of {name} for {what}, as KEY=VALUE", title_justify="left")
    table.add_column("key", no_wrap=True)
    table.add_column("default")
    table.add_column("meaning")
    for key, field in section.model_fields.items():
        default = shown(field.get_default(call_default_factory=True))
        table.add_row(f"{name}.{key}", escape(default), escape(field.description or ""))
    return table


def defaults(builder: Callable[..., Any], derived: Collection[str], name: str) -> str:
    """Return the block or network in YAML, with all options that have a default."""
    written = [f"{key}: {default}" for key, default, _ in _options(builder, derived, name)]
    return f"{{{', '.join([f'name: {name}', *written])}}}"


def _options(
    builder: Callable[..., Any], derived: Collection[str], name: str
) -> Iterator[tuple[str, str, str]]:
    """Yield name, default and allowed values of each option."""
    schema = schema_of(options_model(builder, derived, name))
    for key, option in schema["properties"].items():
        if key != "name":
            default = option.get("default", "")
            yield key, default if isinstance(default, str) else shown(default), allowed(option)

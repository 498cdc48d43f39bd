"""Looking up named building blocks, and the option schemas that their signatures imply."""

import difflib
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from medse.errors import InputError

T = TypeVar("T")


def nearest(name: str, choices: Collection[str]) -> str:
    """Return ``" did you mean 'x'?"`` for the choice closest to ``name``, or an empty string."""
    close = difflib.get_close_matches(name, choices, n=1)
    return f" did you mean {close[0]!r}?" if close else ""


def pick(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return ``table[name]``.

    Raises:
        InputError: There is no such name; the sentence gives the nearest one and all choices.
    """
    if name in table:
        return table[name]
    raise InputError(f"Unknown {kind} {name!r};{nearest(name, table)} available: {', '.join(sorted(table))}.")


def options_model(
    builder: Callable[..., Any], derived: Collection[str], name: str | None = None
) -> type[BaseModel]:
    """Turn the arguments of ``builder`` into a strict, frozen model.

    Args:
        builder: A class or function whose options are annotated and have their defaults.
        derived: Parameters that follow from the data and can therefore not be configured.
        name: The value of the model's ``name`` field, which tells the members of a table apart; None for a
            model without that field.
    """
    hints = get_type_hints(builder.__init__ if inspect.isclass(builder) else builder, include_extras=True)
    fields: dict[str, Any] = {} if name is None else {"name": (Literal[name], Field(description="which one"))}
    for parameter in inspect.signature(builder).parameters.values():
        if parameter.name not in derived:
            default = {} if parameter.default is parameter.empty else {"default": parameter.default}
            fields[parameter.name] = (hints[parameter.name], Field(**default))
    return create_model(
        f"{name or builder.__name__.lower()}_options",
        __config__=ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False),
        __doc__=(inspect.getdoc(builder) or "").split("\n")[0],
        **fields,
    )


def one_of(table: Mapping[str, Callable[..., Any]], derived: Collection[str]) -> Any:
    """Return the annotation of "one member of ``table`` with its options".

    A bare name stands for that member with its defaults: ``scse`` is ``{name: scse}``.
    """
    models = {name: options_model(builder, derived, name) for name, builder in table.items()}
    union: Any = Union[tuple(models.values())]  # noqa: UP007
    if len(models) > 1:
        union = Annotated[union, Field(discriminator="name")]
    bare: Any = Annotated[Literal[tuple(models)], AfterValidator(lambda name: models[name](name=name))]
    return bare | union

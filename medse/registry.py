"""Looking up named building blocks, and the option schemas that their signatures imply."""

import inspect
import keyword
from collections.abc import Callable, Collection, Mapping
from functools import cache, wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    create_model,
)

from medse.allowed import Annotation, explained, shown
from medse.errors import InputError, nearest

T = TypeVar("T")
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


SpatialDims = Annotated[int, Field(ge=2, le=3)]
"""How many axes of space there are."""
Count = Annotated[int, Field(ge=1)]
"""How many channels, classes or the like."""


def pick(table: Mapping[str, T], name: str, kind: str) -> T:
    """Return ``table[name]``.

    Raises:
        InputError: There is no such name; the sentence gives the nearest one and all choices.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise InputError(
        f"Unknown {kind} {name!r};{nearest(str(name), table)} available: {', '.join(sorted(table))}."
    )


def build_from(
    table: Mapping[str, Callable[..., T]],
    choice: str | Mapping[str, Any],
    derived: frozenset[str],
    kind: str,
    *arguments: Any,
) -> T:
    """Build a member of ``table`` from its name, or from a mapping of ``name`` and options.

    Args:
        table: Name -> builder.
        choice: Which one, with options of the builder.
        derived: Parameters of the builder that are not options.
        kind: What the members are, for messages.
        arguments: The derived arguments, which come first.

    Raises:
        InputError: The name or an option is unknown, or an option has a value that is not allowed.
    """
    if not isinstance(choice, str | Mapping):
        raise InputError(
            f"The {kind} is {shown(choice)}; a name, or a mapping of a name and options, is expected; available: "
            f"{', '.join(sorted(table))}."
        )
    options = {"name": choice} if isinstance(choice, str) else dict(choice)
    if "name" not in options:
        raise InputError(
            f"The {kind} has no name; it was given as {options}; available: {', '.join(sorted(table))}; add name: ..."
        )
    name = options.pop("name")
    builder = pick(table, name, kind)
    return builder(*arguments, **_checked(builder, derived, options, f"The {kind} {name!r}"))


def check_options(cls: type, derived: frozenset[str]) -> None:
    """Let the constructor of ``cls`` refuse what the annotations of its options do not allow.

    So their bounds hold for who calls the class as for who names it in a configuration, and are written once. Options
    are given by keyword; what is code, such as a factory of blocks, no configuration can hold and is left alone.

    Args:
        cls: A class, as its ``__init_subclass__`` receives it.
        derived: Parameters of the constructor that are not options.
    """
    constructor = cls.__dict__.get("__init__")
    if constructor is None or any(
        p.kind in _VARIADIC for p in inspect.signature(constructor).parameters.values()
    ):
        return  # it passes on what it is given

    @wraps(constructor)
    def checked(self: object, *arguments: Any, **options: Any) -> None:
        data = {name: value for name, value in options.items() if name not in derived and not callable(value)}
        constructor(self, *arguments, **options | _checked(cls, derived, data, type(self).__name__))

    cls.__init__ = checked  # type: ignore[misc]


def check_arguments(
    *unchecked: str,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Let a function refuse arguments that its annotations do not allow, in a sentence, before it does anything.

    Arguments are judged, never converted.

    Args:
        unchecked: Parameters that the function judges itself.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        signature = inspect.signature(function)

        @wraps(function)
        def checked(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
            for name, value in signature.bind(*arguments, **options).arguments.items():
                if name not in unchecked and not (annotation := _annotation(function, name)).takes(value):
                    raise InputError(
                        f"{function.__name__} was given {name} = {shown(value)}; {annotation.words} is expected; "
                        "correct it."
                    )
            return function(*arguments, **options)

        return checked

    return decorate


@cache
def _annotation(function: Callable[..., Any], name: str) -> Annotation:
    return Annotation(get_type_hints(function, include_extras=True)[name])


def options_model(
    builder: Callable[..., Any], derived: Collection[str], name: str | None = None
) -> type[BaseModel]:
    """Turn the arguments of ``builder`` into a strict, frozen model.

    An argument whose name is a word of Python's own has an underscore after it, which the model's field has not.

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
            fields[_option(parameter.name)] = (hints.get(parameter.name, Any), Field(**default))
    return create_model(
        f"{name or builder.__name__.lower()}_options",
        __config__=ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True),
        __doc__=(inspect.getdoc(builder) or "").split("\n")[0],
        **fields,
    )


def one_of(table: Mapping[str, Callable[..., Any]], derived: Collection[str]) -> Any:
    """Return the annotation of "one member of ``table`` with its options".

    A bare name stands for that member with its defaults: ``scse`` is ``{name: scse}``.
    """
    models = {name: options_model(builder, derived, name) for name, builder in table.items()}
    bare: Any = Annotated[Literal[tuple(models)], AfterValidator(lambda name: models[name](name=name))]
    members = [Annotated[bare, Tag(_BARE)], *(Annotated[models[name], Tag(f"<{name}>")] for name in models)]
    return Annotated[Union[tuple(members)], Discriminator(_tag)]  # noqa: UP007


_BARE = "<>"


def _tag(given: object) -> str:
    """Tell which alternative ``given`` is meant for, so that only what is wrong with that one is reported."""
    if isinstance(given, str):
        return _BARE
    return f"<{given.get('name') if isinstance(given, Mapping) else getattr(given, 'name', None)}>"


def _checked(
    builder: Callable[..., Any], derived: frozenset[str], given: Mapping[str, Any], what: str
) -> dict[str, Any]:
    """Return the options ``given``, converted to what the annotations of ``builder`` say."""
    model = _cached_model(builder, derived)
    options = {_option(parameter): value for parameter, value in given.items()}
    try:
        chosen = model(**options).model_dump(exclude_unset=True)
    except ValidationError as error:
        wrong = "; ".join(explained(error, options, model).values())
        raise InputError(f"{what} cannot take {wrong}; correct it.") from error
    return {_parameter(option): value for option, value in chosen.items()}


@cache
def _cached_model(builder: Callable[..., Any], derived: frozenset[str]) -> type[BaseModel]:
    return options_model(builder, derived)


def _option(parameter: str) -> str:
    bare = parameter.removesuffix("_")
    return bare if keyword.iskeyword(bare) else parameter


def _parameter(option: str) -> str:
    return f"{option}_" if keyword.iskeyword(option) else option

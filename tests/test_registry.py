"""The bounds of options are those of the annotations, for a configuration and for who calls the class."""

import copy
import inspect
import math
import pickle
import re
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import Field

from medse.allowed import Schema, members, schema_of
from medse.attention import ATTENTION
from medse.attention import DERIVED as OF_BLOCKS
from medse.errors import InputError
from medse.nets import NETS
from medse.nets.network import DERIVED as OF_NETS
from medse.registry import build_from, check_options, options_model

ARGUMENTS = {"attention block": (2, 32), "network": (2, 1, 2)}
TABLES: dict[str, Any] = {"attention block": (ATTENTION, OF_BLOCKS), "network": (NETS, OF_NETS)}
OUTSIDE = {"exclusiveMinimum": 0, "minimum": -1, "exclusiveMaximum": 0, "maximum": 1}
"""Bound of a schema -> what to add to it for a value that breaks it."""


def refused(schema: Schema) -> Iterator[Any]:
    """Yield values just outside the bounds of a schema, and a name that it does not have."""
    for member in members(schema):
        if "enum" in member:
            yield "nothing"
        yield from (member[bound] + OUTSIDE[bound] for bound in OUTSIDE if bound in member)
        if "minItems" in member:
            yield ()
        if "items" in member:
            yield from ((value,) * max(2, member.get("minItems", 0)) for value in refused(member["items"]))


def broken() -> Iterator[tuple[str, str, str, Any]]:
    """Yield every option of every block and network with values that are not allowed."""
    for kind, (table, derived) in TABLES.items():
        for name, builder in table.items():
            for option, schema in schema_of(options_model(builder, derived))["properties"].items():
                yield from ((kind, name, option, value) for value in refused(schema))


@pytest.mark.parametrize(("kind", "name", "option", "value"), broken())
def test_a_class_refuses_what_the_configuration_refuses_in_the_same_words(
    kind: str, name: str, option: str, value: Any
) -> None:
    table, derived = TABLES[kind]
    parameter = "lambda_" if option == "lambda" else option
    with pytest.raises(InputError) as direct:
        table[name](*ARGUMENTS[kind], **{parameter: value})
    with pytest.raises(InputError) as named:
        build_from(table, {"name": name, option: value}, derived, kind, *ARGUMENTS[kind])
    said, words = (str(caught.value).split(" cannot take ")[1] for caught in (direct, named))
    assert said == words
    assert re.match(rf"{option}(\[0\])*(: unknown name| =) ", words)


def test_all_options_are_given_by_keyword() -> None:
    """Only those are checked."""
    for table, derived in TABLES.values():
        for builder in table.values():
            for parameter in inspect.signature(builder).parameters.values():
                assert (parameter.kind is parameter.KEYWORD_ONLY) == (parameter.name not in derived)


class Base:
    def __init_subclass__(cls) -> None:
        check_options(cls, frozenset({"width"}))


class Block(Base):
    def __init__(
        self, width: int, *, share: Annotated[float, Field(ge=0, lt=1)] = 0.5, make: int | None = None
    ) -> None:
        self.width, self.share, self.make = width, share, make


class Passing(Block):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)


class Foreign(Block):
    def __init__(self, width: int, *, random: np.random.Generator, free=None) -> None:  # type: ignore[no-untyped-def]
        super().__init__(width)
        self.random, self.free = random, free


class Narrow(Block):
    def __init__(self, width: int, *, steps: tuple[int, ...] = (1,), share: float = 0.1) -> None:
        super().__init__(width, share=share)
        self.steps = steps


def test_what_is_allowed_reaches_the_constructor() -> None:
    made = Narrow(3, steps=[np.int64(1), 2], share=np.float32(0.25))  # type: ignore[arg-type]
    assert (made.width, made.steps, made.share) == (3, (1, 2), 0.25)
    assert (Narrow(width=4).steps, Block(4).share) == ((1,), 0.5)
    assert Block(1, make=len).make is len  # type: ignore[arg-type]
    assert Passing(2, share=0).share == 0
    assert Foreign(3, random=np.random.default_rng(), free=4).free == 4
    assert list(inspect.signature(Narrow).parameters) == ["width", "steps", "share"]
    for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert vars(again) == vars(made)


class Free(Base):
    def __init__(self, width: int, *, factor: float = 1.0) -> None:
        self.width, self.factor = width, factor


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_a_number_without_bounds_is_finite(factor: float) -> None:
    assert Free(1, factor=-1e30).factor == -1e30
    with pytest.raises(InputError, match="^Free cannot take factor = (nan|inf): .*finite"):
        Free(1, factor=factor)


def test_all_mistakes_are_named_and_those_of_a_parent_class_too() -> None:
    with pytest.raises(InputError, match="^Block cannot take share = 1: .* < 1; shore = 2: .*mean 'share'"):
        Block(1, share=1, shore=2)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="^Passing cannot take share = 2"):
        Passing(1, share=2)
    with pytest.raises(InputError, match=r"^Narrow cannot take steps\[1\] = 'x'"):
        Narrow(1, steps=(1, "x"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="^Narrow cannot take share = 2.0: .* < 1; correct it"):
        Narrow(1, share=2)

"""The bounds of options are those of the annotations, for a configuration and for who calls the class."""

import copy
import inspect
import pickle
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import Field

from medse.allowed import members, schema_of
from medse.attention import ATTENTION
from medse.attention import DERIVED as OF_BLOCKS
from medse.errors import InputError
from medse.registry import build_from, check_options, options_model

ARGUMENTS: dict[str, Any] = {"spatial_dims": 2, "channels": 32}
OUTSIDE = {"exclusiveMinimum": 0, "minimum": -1, "exclusiveMaximum": 0, "maximum": 1, "minItems": 0}
"""Bound of a schema -> what to add to it for a value that breaks it."""


def broken() -> Iterator[tuple[type, str, Any]]:
    """Yield each option of each block, with a value just outside a bound or a name that there is not."""
    for block in ATTENTION.values():
        model = options_model(block, OF_BLOCKS)
        for option, schema in schema_of(model)["properties"].items():
            for member in members(schema):
                if "enum" in member:
                    yield block, option, "nothing"
                for bound in OUTSIDE.keys() & member:
                    yield block, option, () if bound == "minItems" else member[bound] + OUTSIDE[bound]


@pytest.mark.parametrize(("block", "option", "value"), broken())
def test_a_class_refuses_what_the_configuration_refuses_in_the_same_words(
    block: type, option: str, value: Any
) -> None:
    name = next(name for name, member in ATTENTION.items() if member is block)
    parameter = "lambda_" if option == "lambda" else option
    with pytest.raises(InputError) as direct:
        block(**ARGUMENTS, **{parameter: value})
    with pytest.raises(InputError) as named:
        build_from(ATTENTION, {"name": name, option: value}, OF_BLOCKS, "block", *ARGUMENTS.values())
    said, words = (str(caught.value).split(" cannot take ")[1] for caught in (direct, named))
    assert said == words
    assert words.startswith((f"{option} = ", f"{option}: unknown name 'nothing'"))


def test_all_options_are_given_by_keyword() -> None:
    """Only those are checked."""
    for block in ATTENTION.values():
        for parameter in inspect.signature(block).parameters.values():
            assert (parameter.kind is parameter.KEYWORD_ONLY) == (parameter.name not in OF_BLOCKS)


class Base:
    def __init_subclass__(cls) -> None:
        check_options(cls, frozenset({"width"}))


class Block(Base):
    def __init__(
        self, width: int, *, share: Annotated[float, Field(ge=0, lt=1)] = 0.5, make: Any = None
    ) -> None:
        self.width, self.share, self.make = width, share, make


class Narrow(Block):
    def __init__(self, width: int, *, steps: tuple[int, ...] = (1,), share: float = 0.1) -> None:
        super().__init__(width, share=share)
        self.steps = steps


def test_what_is_allowed_reaches_the_constructor() -> None:
    made = Narrow(3, steps=[np.int64(1), 2], share=np.float32(0.25))  # type: ignore[arg-type]
    assert (made.width, made.steps, made.share) == (3, (1, 2), 0.25)
    assert (Narrow(width=4).steps, Block(4).share) == ((1,), 0.5)
    assert Block(1, make=len).make is len
    assert list(inspect.signature(Narrow).parameters) == ["width", "steps", "share"]
    for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert vars(again) == vars(made)


def test_all_mistakes_are_named_and_those_of_a_parent_class_too() -> None:
    with pytest.raises(InputError, match="^Block cannot take share = 1: .* < 1; shore = 2: .*mean 'share'"):
        Block(1, share=1, shore=2)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="^Narrow cannot take share = 2.0: .* < 1; correct it"):
        Narrow(1, share=2)

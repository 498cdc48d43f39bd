"""A small configuration with everything the real one has: nested tables, options, unions and validators."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from medse.errors import InputError
from medse.registry import one_of

BLOCK_DERIVED = {"channels"}
NET_DERIVED = {"in_channels"}


class Scse:
    """Both gates."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: Annotated[int, Field(ge=1)] = 2,
        combine: Literal["max", "add"] = "max",
    ) -> None: ...


class Se:
    """The channel gate."""

    def __init__(self, channels: int, *, reduction: Annotated[int, Field(ge=1)] = 16) -> None: ...


class Sse:
    """The spatial gate."""

    def __init__(self, channels: int) -> None: ...


Attention: Any = one_of({"se": Se, "sse": Sse, "scse": Scse}, BLOCK_DERIVED) | None


class Unet:
    """A net with attention."""

    def __init__(
        self,
        in_channels: int,
        *,
        channels: Annotated[tuple[PositiveInt, ...], Field(min_length=2)] = (16, 32),
        attention: Attention = None,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None: ...


class Plain:
    """A net with an option that has no default."""

    def __init__(self, in_channels: int, *, depth: PositiveInt) -> None: ...


class DiceLoss:
    """The only loss."""

    def __init__(self, *, batch: bool = True) -> None: ...


Net: Any = one_of({"unet": Unet, "plain": Plain}, NET_DERIVED)
Loss: Any = one_of({"dice": DiceLoss}, NET_DERIVED)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Data(Section):
    root: Path
    patch_size: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 32, 32)
    spacing_mm: tuple[PositiveFloat, PositiveFloat, PositiveFloat] | PositiveFloat | None = None
    labels: dict[str, PositiveInt] = {}
    files: tuple[str, ...] = ()
    cached: bool = False

    @field_validator("files")
    @classmethod
    def _suffix(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if any(not file.endswith(".nii.gz") for file in files):
            raise InputError("each file must end in .nii.gz")
        return files


class Optimizer(Section):
    lr: PositiveFloat = 1e-3
    warmup: PositiveInt | None = None
    epochs: PositiveInt | None = None

    @model_validator(mode="after")
    def _shorter(self) -> "Optimizer":
        if self.warmup and self.epochs and self.warmup > self.epochs:
            raise ValueError("warmup is longer than epochs; shorten it")
        return self


class Config(Section):
    data: Data
    net: Net
    loss: Loss = {"name": "dice", "batch": False}
    second: Net = "unet"
    optimizer: Optimizer = Optimizer(warmup=2)
    norm: Literal["instance", "batch", "group"] = "batch"
    seed: Annotated[int, Field(ge=0)] = 0

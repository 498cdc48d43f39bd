"""What the modules of a net return, found by running a copy of the net."""

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode

from medse.errors import InputError

Outputs = dict[str, list[tuple[int, ...] | str]]
"""Name of a module -> for each of its calls the shape of its output, or the type of an output that is no tensor."""

SIZES = (64, 128, 256, 96, 192, 224, 448, 512, 32)
"""Edge lengths that are tried in turn; the first two that the net accepts are used."""

CONVOLUTIONS = {2: (nn.Conv2d, nn.ConvTranspose2d), 3: (nn.Conv3d, nn.ConvTranspose3d)}
"""Spatial axes -> the convolutions that show them; 1-D ones serve inside 2-D and 3-D nets and show nothing."""


@dataclass(frozen=True)
class Observed:
    """What the modules of a net returned.

    Attributes:
        spatial_dims: Spatial axes of the net's input.
        runs: For each input size, the outputs of each module.
    """

    spatial_dims: int
    runs: list[Outputs]

    def channels(self, name: str) -> int:
        """Return the channels of what the module ``name`` returns.

        Raises:
            InputError: It was never called, or did not return maps ``(B, C, *spatial)`` of one ``C``.
        """
        shapes = [output for run in self.runs for output in run[name] if not isinstance(output, str)]
        others = [output for run in self.runs for output in run[name] if isinstance(output, str)]
        maps = f"one tensor (batch, channels, {self.spatial_dims} spatial axes) is needed"
        if others:
            raise _unfit(name, f"returns {others[0]}; {maps}; choose a module inside or after it")
        if not shapes:
            raise _unfit(name, "is not called in evaluation mode; its output is needed; choose one that runs")
        odd = [shape for shape in shapes if len(shape) != self.spatial_dims + 2]
        if odd:
            raise _unfit(name, f"returns shape {odd[0]}; {maps}; choose a module before or after it")
        axes = [{output[:2] for output in run[name]} for run in self.runs]
        if axes[0] != axes[-1]:
            raise _unfit(
                name,
                f"returns shapes {shapes[0]} and {shapes[-1]} for inputs of two sizes; the first two axes must "
                "be batch and channels, which stay; choose a module where they are",
            )
        counts = sorted({shape[1] for shape in shapes})
        if len(counts) > 1:
            given = ", ".join(map(str, counts))
            raise _unfit(name, f"runs with {given} channels; a block has one number; choose other modules")
        return counts[0]


def observe(net: nn.Module, names: Sequence[str], example: Tensor | None) -> Observed:
    """Find what the named modules return for inputs of two sizes.

    A copy of the net runs in evaluation mode, so that nothing about ``net`` changes. Without an example the
    copy has shapes but no values, and the run takes neither memory nor arithmetic. With an example the second
    size is twice the first along the first spatial axis; it is left out where the net takes one size only.

    Raises:
        InputError: The net does not run on the example, or no input of it can be guessed.
    """
    if example is not None:
        return Observed(example.ndim - 2, _on_example(net, names, example))
    found = [dims for dims, kinds in CONVOLUTIONS.items() if any(isinstance(m, kinds) for m in net.modules())]
    if len(found) != 1:
        given = "both 2-D and 3-D convolutions" if found else "neither 2-D nor 3-D convolutions"
        raise InputError(
            f"No input of this {type(net).__name__} can be guessed: it has {given}; one of the two kinds is "
            "needed; give an input as `example`."
        )
    return Observed(found[0], _on_guesses(net, names, found[0]))


def _on_example(net: nn.Module, names: Sequence[str], example: Tensor) -> list[Outputs]:
    """Run a copy of the net on real values."""
    shape = tuple(example.shape)
    if len(shape) not in (4, 5):
        raise InputError(
            f"The example has shape {shape}; (batch, channels, *spatial) with 2 or 3 spatial axes is needed; "
            "give an input of the net."
        )
    twin = _twin(net)
    devices = [example.device] if example.is_cuda else []
    with torch.no_grad(), torch.random.fork_rng(devices):
        try:
            runs = [_record(twin, names, example)]
        except Exception as error:
            raise InputError(
                f"The net does not run on the example of shape {shape}: {_first_line(error)}; one tensor on the "
                "net's device is needed; give one that the net accepts."
            ) from error
        try:
            return [*runs, _record(twin, names, torch.cat((example, example), dim=2))]
        except Exception:  # a net of one size, such as a transformer with learned positions
            return runs


def _on_guesses(net: nn.Module, names: Sequence[str], dims: int) -> list[Outputs]:
    """Run a copy of the net on shapes alone, at the first two sizes that it accepts."""
    # private, but PyTorch has no other name for running on shapes while devices stay what they are
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with FakeCopyMode(mode):
        twin = _twin(net)
    runs: list[Outputs] = []
    errors: list[Exception] = []
    with mode, torch.no_grad(), _quiet():
        for size in SIZES:
            try:
                runs.append(_record(twin, names, _guess(twin, (size,) * dims)))
            except Exception as error:
                errors.append(error)
            if len(runs) == 2:
                return runs
    raise InputError(
        f"No input of this net can be guessed: of the edge lengths {', '.join(map(str, SIZES))} it takes "
        f"{len(runs)} ({_first_line(errors[0])}); two are needed; give an input as `example`."
    ) from errors[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PyTorch from printing a traceback for each size that does not fit."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = disabled


def _twin(net: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(net).eval()
    except Exception as error:
        raise InputError(
            f"This {type(net).__name__} cannot be copied: {_first_line(error)}; attention is tried out on a copy "
            "that copy.deepcopy makes; remove the attribute in question."
        ) from error


class _Reached(Exception):  # noqa: N818
    """A convolution is about to run."""


def _guess(net: nn.Module, spatial: tuple[int, ...]) -> Tensor:
    """Return zeros with the channels of the first convolution that runs."""
    convolutions = [module for module in net.modules() if isinstance(module, CONVOLUTIONS[len(spatial)])]

    def zeros(channels: int) -> Tensor:
        return convolutions[0].weight.new_zeros(1, channels, *spatial)

    def stop(convolution: Any, _: object) -> None:
        raise _Reached(convolution.in_channels)

    handles = [convolution.register_forward_pre_hook(stop) for convolution in convolutions]
    try:
        x = zeros(convolutions[0].in_channels)
        net(x)
    except _Reached as reached:
        return zeros(reached.args[0])
    finally:
        for handle in handles:
            handle.remove()
    return x


def _record(net: nn.Module, names: Sequence[str], x: Tensor) -> Outputs:
    """Run the net and note what the named modules return."""
    outputs: Outputs = {name: [] for name in names}

    def note(name: str, _: nn.Module, __: object, output: object) -> None:
        outputs[name].append(tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__)

    handles = [net.get_submodule(name).register_forward_hook(partial(note, name)) for name in names]
    try:
        net(x)
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0].rstrip(" .:")


def _unfit(name: str, reason: str) -> InputError:
    return InputError(f"No attention can be put behind {name!r}; it {reason}.")

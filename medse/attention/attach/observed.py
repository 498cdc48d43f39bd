"""Whether attention fits behind a module, judged by what the module returned."""

from dataclasses import dataclass

from medse.errors import InputError

Outputs = dict[str, list[tuple[int, ...] | str]]
"""Name of a module -> for each of its calls the shape of its output, or the type of an output that is no tensor."""


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


def _unfit(name: str, reason: str) -> InputError:
    return InputError(f"No attention can be put behind {name!r}; it {reason}.")

"""What a configuration would do, found out without training."""

from dataclasses import dataclass

import torch
from torch import nn

from medse import build
from medse.config.run import Config
from medse.data.splits import make_folds
from medse.hardware import resolve_device, resolve_precision


@dataclass(frozen=True)
class Findings:
    """What ``medse check`` prints.

    Attributes:
        name: Name of the data set.
        cases: Number of labelled cases.
        training: Cases trained on in fold 0.
        validation: Cases validated on in fold 0.
        channels: Channel names.
        classes: Class name to its value in files.
        spacing_mm: Spacing of the network's grid, RAS order.
        shape_min: Smallest volume on that grid.
        shape_max: Largest volume on that grid.
        patch_size: Voxels the network sees at once.
        parameters: Trainable parameters.
        attention_parameters: Those of them in attention blocks.
        device: Where the training would run.
        precision: Lightning's name of the precision.
        step_gb: Estimated memory of a training step in GB: weights, gradients, optimizer, activations.
        data_gb: Memory of all prepared cases in GB.
        steps_per_epoch: Optimizer steps in an epoch.
        epochs: Epochs, None when minutes alone end the training.
        minutes: Minutes, None when epochs alone end the training.
    """

    name: str
    cases: int
    training: int
    validation: int
    channels: tuple[str, ...]
    classes: dict[str, int]
    spacing_mm: tuple[float, float, float]
    shape_min: tuple[int, ...]
    shape_max: tuple[int, ...]
    patch_size: tuple[int, ...]
    parameters: int
    attention_parameters: int
    device: str
    precision: str
    step_gb: float
    data_gb: float
    steps_per_epoch: int
    epochs: int | None
    minutes: float | None


def check(config: Config) -> Findings:
    """Open every header, build the network without memory, and count.

    Raises:
        InputError: The configuration, the data set or the device cannot be used.
    """
    device = resolve_device(config.trainer.device)
    cases = build.dataset(config.data)
    folds = make_folds(cases.cases, config.data.folds, config.seed)
    way = build.preprocessing(config.data, cases)
    loader = build.loader(way, cases)
    found = [loader.check_headers(case) for case in cases.cases]
    with torch.device("meta"):
        network = build.net(config, len(cases.channels), cases.labels.classes)
        plain = build.net(
            config.model_copy(update={"net": config.net.model_copy(update={"attention": None})}),
            len(cases.channels),
            cases.labels.classes,
        )
    parameters = _count(network)
    patch = torch.empty(
        (config.trainer.batch_size, len(cases.channels), *config.data.patch_size), device="meta"
    )
    return Findings(
        name=cases.name,
        cases=len(cases.cases),
        training=len(folds[0].training),
        validation=len(folds[0].validation),
        channels=cases.channels,
        classes=dict(zip(cases.labels.names, cases.labels.values, strict=True)),
        spacing_mm=way.spacing_mm,
        shape_min=tuple(min(lengths) for lengths in zip(*(f.shape for f in found), strict=True)),
        shape_max=tuple(max(lengths) for lengths in zip(*(f.shape for f in found), strict=True)),
        patch_size=config.data.patch_size,
        parameters=parameters,
        attention_parameters=parameters - _count(plain),
        device=device.type,
        precision=(precision := resolve_precision(config.trainer.precision, device)),
        step_gb=(_activation_bytes(network, patch, precision) + 16 * parameters) / 1e9,
        data_gb=sum(f.bytes for f in found) / 1e9,
        steps_per_epoch=config.trainer.steps_per_epoch,
        epochs=config.trainer.max_epochs,
        minutes=config.trainer.max_minutes,
    )


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _activation_bytes(network: nn.Module, patch: torch.Tensor, precision: str) -> int:
    """Bytes that autograd keeps for the backward pass of one step, each storage counted once."""
    kept: dict[int, int] = {}
    held: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        held.append(tensor)
        return tensor

    network.train()
    own = {p.untyped_storage()._cdata for p in network.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(patch)
    size = sum(count for storage, count in kept.items() if storage not in own)
    return size // 2 if precision == "bf16-mixed" else size

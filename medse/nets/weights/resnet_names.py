"""The names that torchvision gave to the weights of ResNet."""

from medse.nets.resnet import ResNet


def resnet_names(net: ResNet) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of torchvision."""
    modules = {"stem.conv": "conv1", "stem.adn.N": "bn1", "classifier": "fc"}
    for level, stage in enumerate(net.stages):
        for number, _ in enumerate(stage.children()):
            ours, theirs = f"stages.{level}.{number}", f"layer{level + 1}.{number}"
            modules[f"{ours}.shortcut.conv"] = f"{theirs}.downsample.0"
            modules[f"{ours}.shortcut.adn.N"] = f"{theirs}.downsample.1"
            for n in range(3):
                modules[f"{ours}.branch.{n}.conv"] = f"{theirs}.conv{n + 1}"
                modules[f"{ours}.branch.{n}.adn.N"] = f"{theirs}.bn{n + 1}"
    split = (name.rpartition(".") for name in net.state_dict())
    return {
        f"{module}.{tensor}": f"{modules[module]}.{tensor}"
        for module, _, tensor in split
        if module in modules
    }

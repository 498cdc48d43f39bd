"""Grad-CAM: which places of an image speak for a class."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial

import numpy as np
import torch
from monai.visualize import GradCAM
from torch import Tensor, nn

from medse.arrays import ImageArray
from medse.errors import InputError
from medse.explain.alignment import over_image, places_of
from medse.registry import check_arguments


@check_arguments("net", "images")
def grad_cam(
    net: nn.Module, images: Tensor, classes: Sequence[int] | None = None, *, layer: str | None = None
) -> ImageArray:
    """Return for each image a map of what speaks for a class, from 0 (nothing) to 1 (most in that image).

    Each channel of the layer's feature map is weighed with the mean gradient of the class's logit; what is positive
    of their sum is interpolated linearly between the places where the cells of the map lie in the image, as of
    :func:`.places_of`, and divided by its maximum. A map that is 0 everywhere stays so: no place speaks for the
    class. Maps are as coarse as the layer; the last cells of our networks lie 32 voxels apart unless strides differ.

    A copy of the net computes it, in evaluation mode; the net itself is left alone.

    Args:
        net: A classifier ``(B, C, *spatial)`` to logits ``(B, K)``.
        images: ``(B, C, *spatial)``, prepared as for the net, on its device.
        classes: For each image, the index of the class; None for the one with the largest logit.
        layer: Name of the module whose output is looked at; None for the last feature map of one of our networks.

    Returns:
        ``(B, *spatial)``.

    Raises:
        InputError: The net has no such layer or, without ``layer``, does not name its last map; the number of classes
            is not that of the images; or a class does not exist.

    Reference:
        Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization (ICCV
        2017), equations 1 and 2, by ``monai.visualize.GradCAM``; the interpolation is ours.

    Example:
        >>> from medse.nets import build_net
        >>> net = build_net({"name": "resnetv2", "channels": 8, "blocks": [1, 1], "strides": 2}, 2, 1, 3)
        >>> grad_cam(net, torch.rand(2, 1, 64, 64), [0, 2]).shape
        (2, 64, 64)
    """
    name = _layer(net, layer)
    with torch.inference_mode(False), torch.enable_grad():
        copied = deepcopy(net).eval().requires_grad_(requires_grad=False)
        for module in copied.modules():
            if getattr(module, "inplace", False):
                module.__dict__["inplace"] = False  # would overwrite the map
        given = images.detach().clone()
        wanted = _classes(copied, given, classes)
        given.requires_grad_()  # gradients of the weights are not needed
        places = places_of(copied, given, [name]).get(name)
        cam = GradCAM(
            copied,
            name,
            upsampler=lambda size: partial(over_image, size=size, places=places),
            postprocessing=_scaled,
        )
        maps = torch.zeros(len(given), *given.shape[2:])
        for one in sorted(set(wanted.tolist())):  # MONAI takes one class for a whole batch
            chosen = wanted == one
            maps[chosen.cpu()] = cam(given[chosen], class_idx=one).detach().float().cpu()[:, 0]
    return maps.numpy().astype(np.float32)


def _scaled(maps: Tensor) -> Tensor:
    """Divide each map ``(B, 1, *spatial)`` by its maximum, where that is above 0."""
    most = maps.flatten(1).amax(1).reshape(-1, *(1,) * (maps.ndim - 1))
    return torch.where(most > 0, maps / most.where(most > 0, 1.0), 0.0)


def _layer(net: nn.Module, layer: str | None) -> str:
    name = getattr(net, "last_map", None) if layer is None else layer
    if name is None:
        raise InputError(
            f"{type(net).__name__} does not say which is its last feature map (last_map); a module is needed whose "
            "output the classifier averages; give its name as layer."
        )
    names = dict(net.named_modules())
    if name not in names or name == "":
        last = [known for known in names if known][-5:]
        raise InputError(
            f"{type(net).__name__} has no layer {name!r}; allowed are the names of its modules, the last of which "
            f"are {', '.join(last)}; give one of these."
        )
    return name


def _classes(net: nn.Module, images: Tensor, classes: Sequence[int] | None) -> Tensor:
    with torch.no_grad():
        logits = net(images)
    if classes is None:
        return logits.argmax(1)  # type: ignore[no-any-return]
    number = logits.shape[1]
    if len(classes) != len(images) or not all(0 <= one < number for one in classes):
        raise InputError(
            f"The classes {list(classes)} were given for {len(images)} images of a net with {number} classes; one "
            f"index from 0 to {number - 1} is expected for each image; correct them."
        )
    return torch.as_tensor(classes, device=logits.device)

"""Weights from files: of Keras in every format, of PyTorch, safetensors and NumPy; and all others in one sentence."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.nets import ResNet as MonaiResNet
from safetensors.torch import save_file

from medse.errors import InputError
from medse.nets.keras_files import MEMBER
from medse.nets.published_names import keras_numbers, resnetv2_names
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2
from medse.nets.weight_files import load_weights_file, read_weight_file
from tests.support.randomized import randomized

State = dict[str, Any]


def torchvision_state(channels: int = 3) -> State:
    """MONAI's ResNet has torchvision's layout and names."""
    sizes = [2, 2, 2, 2], [8, 16, 32, 64]
    net = MonaiResNet("basic", *sizes, 2, channels, conv1_t_stride=2, bias_downsample=False, num_classes=3)
    return dict(randomized(net).state_dict())


def ours(channels: int = 3) -> ResNet:
    return ResNet(2, channels, 3, depth=18, channels=8).eval()


@pytest.fixture(scope="module")
def keras_model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        keras = pytest.importorskip("keras", reason="keras, which saves the files, is not installed")
        pytest.importorskip("h5py", reason="h5py, which reads the files, is not installed")
        if keras.backend.backend() != "torch":
            pytest.skip("keras runs on another backend than torch here")
        model = keras.applications.ResNet50V2(
            weights=None, input_shape=(48, 40, 3), classes=3, classifier_activation=None
        )
    rng = np.random.default_rng(0)
    for variable in model.weights:
        shape = tuple(variable.shape)
        scale = (2 / np.prod(shape[:-1])) ** 0.5
        drawn = rng.normal(size=shape, scale=scale) if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)
        variable.assign(drawn.astype(np.float32))
    return model


@pytest.mark.parametrize("form", ["whole.h5", "weights.weights.h5", "archive.keras"])
@torch.no_grad()
def test_what_keras_saves_gives_keras_output(form: str, keras_model: Any, tmp_path: Path) -> None:
    path = tmp_path / form
    (keras_model.save_weights if "weights" in form else keras_model.save)(path)
    net = ResNetV2(2, 3, 3).eval()
    assert load_weights_file(net, path, head=True) == "ResNet50V2 of Keras"
    path.unlink()  # 95 MB
    x = torch.randn(2, 3, 48, 40)
    expected = torch.as_tensor(keras_model(x.movedim(1, -1).numpy()))
    torch.testing.assert_close(net(x), expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())


def test_layers_are_numbered_as_keras_builds_them(keras_model: Any) -> None:
    kinds = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "Dense": "dense"}
    numbered, counts = {}, dict.fromkeys(kinds, 0)
    for layer in keras_model.layers:
        kind = type(layer).__name__
        if kind in kinds:
            numbered[kinds[kind] + (f"_{counts[kind]}" if counts[kind] else "")] = layer.name
            counts[kind] += 1
    assert keras_numbers(ResNetV2(2, 1, 2)) == numbered


@pytest.fixture
def small() -> ResNetV2:
    return ResNetV2(2, 1, 3, channels=8, blocks=(2, 1), strides=2)


def keras_arrays(net: ResNetV2) -> dict[str, Any]:
    rng, own = np.random.default_rng(0), net.state_dict()
    shapes = {theirs: tuple(own[name].shape) for name, theirs in resnetv2_names(net).items()}
    moved = {
        name: (*shape[2:], shape[1], shape[0]) if name.endswith("kernel") else shape
        for name, shape in shapes.items()
    }
    return {name: rng.uniform(0.1, 1, shape).astype(np.float32) for name, shape in moved.items()}


def test_hdf5_of_keras_2_and_of_early_and_later_keras_3_name_the_same(
    small: ResNetV2, tmp_path: Path
) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py, which reads the files, is not installed")
    arrays = keras_arrays(small)
    order = ("kernel", "bias"), ("gamma", "beta", "moving_mean", "moving_variance")
    two, early, later = (h5py.File(tmp_path / f"{name}.h5", "w") for name in ("two", "early", "later"))
    with two, early, later:
        for name, array in arrays.items():
            layer, variable = name.split("/")
            two[f"{layer}/{name}:0"] = array
            numbered = {kept: number for number, kept in keras_numbers(small).items()}[layer]
            kind = next(kind for kind in order if variable in kind)
            early[f"layers/{numbered}/vars/{kind.index(variable)}"] = array
            later[f"layers/x_{layer}/vars/{kind.index(variable)}"] = array
            later[f"layers/x_{layer}/vars"].attrs["name"] = layer
        two["optimizer_weights/adam/conv1_conv/kernel:0"] = np.zeros(3, np.float32)
        early["optimizer/vars/1"] = np.zeros(3, np.float32)
        early["vars/0"] = np.zeros(3, np.float32)
    states = []
    for name in ("two.h5", "early.h5", "later.h5"):
        load_weights_file(small, tmp_path / name, head=True)
        states.append({key: value.clone() for key, value in small.state_dict().items()})
    assert all(torch.equal(value, other[key]) for other in states[1:] for key, value in states[0].items())
    assert torch.equal(states[0]["classifier.bias"], torch.as_tensor(arrays["predictions/bias"]))


def write(path: Path, state: State) -> Path:
    if path.suffix == ".safetensors":
        save_file(state, path)
    elif path.suffix == ".npz":
        np.savez(path, **{name: value.numpy() for name, value in state.items()})
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a.PT", "a.bin", "a.npz"])
@torch.no_grad()
def test_every_format_gives_the_same_weights(name: str, tmp_path: Path) -> None:
    state = torchvision_state()
    read = read_weight_file(write(tmp_path / name, state))
    assert read.keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in read.items())


def test_checkpoints_and_their_prefixes_are_looked_into(tmp_path: Path) -> None:
    state = torchvision_state()
    parallel = {f"module.{name}": value for name, value in state.items()}
    path = write(tmp_path / "a.pth", {"epoch": 7, "state_dict": parallel, "optimizer": {"lr": 0.1}})
    assert read_weight_file(path).keys() == state.keys()


@torch.no_grad()
def test_one_channel_gives_what_three_equal_ones_gave(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pth", torchvision_state())
    colour, grey = ours(), ours(1)
    assert load_weights_file(colour, path, head=True) == "ResNet of torchvision and timm"
    done = load_weights_file(grey, path)
    assert "summed over 3 channels" in done
    assert "without its last layer" in done
    grey.classifier.load_state_dict(colour.classifier.state_dict())
    x = torch.randn(2, 1, 40, 40)
    expected = colour(x.expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey(x), expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())
    with pytest.raises(InputError, match=r"a\.pth was not loaded: conv1.weight .* allowed is \(8, 2, 7, 7\)"):
        load_weights_file(ours(2), path)


class Code:
    """What a malicious file makes a reader run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def test_code_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": torch.zeros(2), "x": Code()}, tmp_path / "a.pth")
    (tmp_path / "b.bin").write_bytes(pickle.dumps({"x": Code()}))
    np.savez(tmp_path / "c.npz", x=np.array([Code()], dtype=object))
    for name in ("a.pth", "b.bin"):
        with pytest.raises(InputError, match="nothing was executed"):
            read_weight_file(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read as weights"):
        read_weight_file(tmp_path / "c.npz")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a.npz", "a.h5", "a.keras"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x80\x02}q\x00."])
def test_damaged_files_are_one_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as error:
        read_weight_file(tmp_path / name)
    assert str(error.value).count("\n") == 0


def test_other_files_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.onnx .* allowed are \.safetensors, \.pth"):
        read_weight_file(tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"a\.pth does not exist"):
        read_weight_file(tmp_path / "a.pth")
    with pytest.raises(InputError, match="holds Tensor, not weights by name"):
        read_weight_file(write(tmp_path / "b.pth", torch.zeros(2)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no tensor, such as epoch"):
        read_weight_file(write(tmp_path / "c.pth", {"epoch": 3, "w": torch.zeros(2)}))
    with pytest.raises(InputError, match="not finite, such as w"):
        read_weight_file(write(tmp_path / "d.pth", {"w": torch.tensor([1.0, float("nan")])}))
    with zipfile.ZipFile(tmp_path / "e.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(InputError, match=f"holds no {MEMBER}"):
        read_weight_file(tmp_path / "e.keras")


def test_without_h5py_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(InputError, match=r"needs h5py.* install medse\[keras-weights\]"):
        read_weight_file(tmp_path / "a.h5")

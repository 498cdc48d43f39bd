"""A failed write leaves nothing behind and says why; JSON comes back as it went."""

import errno
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from medse.errors import InputError
from medse.files import atomic_path, read_json, write_json, write_text


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file of this process may grow beyond 256 KiB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def write_torch(path: Path) -> None:
    torch.save({"a": torch.rand(10**6)}, path)


def write_safetensors(path: Path) -> None:
    save_file({"a": np.ones(10**6)}, path)


def write_bytes(path: Path) -> None:
    path.write_bytes(bytes(10**6))


@pytest.mark.parametrize("write", [write_torch, write_safetensors, write_bytes])
def test_a_full_disk_is_one_sentence_and_the_old_file_stays(
    tmp_path: Path, write: Callable[[Path], None], small_disk: None
) -> None:
    target = tmp_path / "model.bin"
    write_text(target, "old")
    full = r"Cannot write .*model.bin: File too large; make room or give"
    with pytest.raises(InputError, match=full), atomic_path(target) as temporary:
        write(temporary)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_errors_of_the_system_while_writing(tmp_path: Path, code: int) -> None:
    said = f"{os.strerror(code)}; make room"
    with pytest.raises(InputError, match=said), atomic_path(tmp_path / "a.csv"):
        raise OSError(code, "x")
    assert not list(tmp_path.iterdir())


def test_the_remedy_is_the_writers(tmp_path: Path) -> None:
    full = pytest.raises(InputError, match="No space left on device; empty the bin.$")
    with full, atomic_path(tmp_path / "a.csv", "empty the bin"):
        raise OSError(errno.ENOSPC, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="; empty the bin.$"):
        write_json(tmp_path / "file" / "a.json", {}, "empty the bin")


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def sync(handle: int) -> None:
        names = sorted(path.name for path in tmp_path.iterdir())
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            seen.append(f"folder with {names}")
        else:
            seen.append(f"{os.fstat(handle).st_size} bytes while {[n.startswith('.part-') for n in names]}")

    monkeypatch.setattr(os, "fsync", sync)
    write_text(tmp_path / "a.csv", "abc")
    assert seen == ["3 bytes while [True]", "folder with ['a.csv']"]


def test_file_systems_that_cannot_sync_are_written_to_and_a_full_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "a.csv", "old")

    def fail(code: int) -> None:
        def sync(_handle: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", sync)

    fail(errno.EINVAL)
    write_text(tmp_path / "a.csv", "new")
    fail(errno.ENOSPC)  # NFS says so only now
    with pytest.raises(InputError, match="No space left"):
        write_text(tmp_path / "a.csv", "newer")
    assert (tmp_path / "a.csv").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    "error", [RuntimeError("a fault"), InputError("a sentence."), FileNotFoundError(2, "x")]
)
def test_other_errors_pass_unchanged(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, atomic_path(tmp_path / "a.csv"):
        raise error
    assert caught.value is error
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "x")
    with pytest.raises(InputError, match=r"Cannot write .*file/a.csv"):
        write_text(tmp_path / "file" / "a.csv", "x")


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 120 + ".csv")
    write_text(path, "x")
    assert path.read_text() == "x"


def test_json_comes_back(tmp_path: Path) -> None:
    content = {"b": "ü", "a": [1, 2.5, None]}
    write_json(tmp_path / "x.json", content)
    assert (tmp_path / "x.json").read_text(encoding="utf-8").startswith('{\n "b": "ü"')
    assert read_json(tmp_path / "x.json", "") == content


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "does not exist; look"), ("{", "as JSON"), ('{"a": 1, "a": 2}', "'a' twice"), ("[1]", "holds list"),
     ("[" * 10**5, "as JSON")],
)  # fmt: skip
def test_json_that_cannot_be_read(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=f"x.json.*{words}"):
        read_json(tmp_path / "x.json", "look elsewhere")


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1, "a": 2}', "\0", None])
def test_the_remedy_for_damaged_json_is_the_readers(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x.json .*; look elsewhere\.$"):
        read_json(tmp_path / "x.json", "look elsewhere")

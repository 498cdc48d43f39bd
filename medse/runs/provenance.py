"""Where a model comes from: versions, commit, data and device."""

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from medse.machine import cores
from medse.versions import installed_versions
from medse.volumes.reading import readable

PACKAGES = ("medse", "torch", "lightning", "monai", "nibabel", "numpy", "scipy")


def provenance(data_sha256: str, seed: int, device: torch.device, precision: str) -> dict[str, Any]:
    """Return what is needed to say later how a model was made."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": installed_versions(PACKAGES),
        "git_commit": git_commit(),
        "seed": seed,
        "data_sha256": data_sha256,
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "precision": precision,
    }


def file_digests(files: Iterable[Path]) -> dict[Path, bytes]:
    """Return the SHA-256 of every file, computed side by side.

    Nothing is remembered from one start to the next: what copies and restores files may set back their time and keep
    their size, and then a changed file would pass for the old one.
    """
    paths = list(dict.fromkeys(files))
    with ThreadPoolExecutor(cores()) as pool:
        return dict(zip(paths, pool.map(_digest, paths), strict=True))


def _digest(path: Path) -> bytes:
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def digest_of(files: Mapping[str, Sequence[Path]], digests: Mapping[Path, bytes]) -> str:
    """SHA-256 over the ids of cases and the bytes of their files, in order of id, from the digest of each file."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode())
        for path in files[name]:
            digest.update(digests[path])
    return digest.hexdigest()


def image_mark(digest: bytes, index: int | None) -> str:
    """Return what is alike for the same slice of the same file, wherever it lies and whatever it is called."""
    return hashlib.sha256(digest + f"{index}".encode()).hexdigest()[:16]


def git_commit() -> str | None:
    """Commit of the checkout that medse runs from, ``-dirty`` when changed; None for an installed wheel."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        tracked = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() if tracked.returncode == 0 else None


def device_name(device: torch.device) -> str:
    """Model name of a GPU or of the processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def cpu_name() -> str:
    """Model name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

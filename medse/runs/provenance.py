"""Where a model comes from: versions, commit, data and device."""

import hashlib
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from medse.data.cases import Case
from medse.versions import installed_versions

PACKAGES = ("medse", "torch", "lightning", "monai", "nibabel", "numpy", "scipy")


def provenance(cases: Sequence[Case], seed: int, device: torch.device, precision: str) -> dict[str, Any]:
    """Return what is needed to say later how a model was made."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": installed_versions(PACKAGES),
        "git_commit": git_commit(),
        "seed": seed,
        "data_sha256": fingerprint(cases),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name(),
        "threads": torch.get_num_threads(),
        "precision": precision,
    }


def fingerprint(cases: Sequence[Case]) -> str:
    """SHA-256 over ids and the bytes of all images and labels, in order of id."""
    digest = hashlib.sha256()
    for case in sorted(cases, key=lambda case: case.id):
        digest.update(case.id.encode())
        for path in (*case.images, case.label):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


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


def cpu_name() -> str:
    """Model name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

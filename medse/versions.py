"""Which versions of which packages a result was made with."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version


def installed_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of ``packages``; "not installed" for a source tree run in place."""
    return {"python": platform.python_version()} | {name: version_of(name) for name in packages}


def version_of(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

"""The configurations that travel with the package."""

from pathlib import Path

from medse.errors import InputError, nearest


def packaged_configs() -> dict[str, Path]:
    """Map name to file for the configurations of the installed package, or of the checkout it runs from."""
    package = Path(__file__).parents[1]
    folder = next(f for f in (package / "configs", package.parent / "configs") if f.is_dir())
    return {path.name: path for path in sorted(folder.glob("*.yaml"))}


def find_config(given: Path) -> Path:
    """Return ``given`` if it exists, else the packaged configuration of that name.

    Raises:
        InputError: There is neither.
    """
    if given.exists():
        return given
    packaged = packaged_configs()
    if given.name == str(given) and given.name in packaged:
        return packaged[given.name]
    raise InputError(
        f"{given} does not exist;{nearest(given.name, packaged)} give the path of a YAML file or one of the "
        f"packaged configurations: {', '.join(packaged)}."
    )

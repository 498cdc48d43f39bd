"""The shipped configurations and the schema that editors read."""

from pathlib import Path

import pytest
import yaml

from medse.config.json_schema import schema_text
from medse.config.packaged import find_config, packaged_configs
from medse.config.run import TASKS, SegmentationConfig, dump_config, load_config
from medse.config.scoring import Scoring
from medse.errors import InputError

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configurations_are_valid(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    written = tmp_path / "again.yaml"
    written.write_text(dump_config(config), encoding="utf-8")
    assert load_config(written) == config
    if isinstance(config, SegmentationConfig):
        assert Scoring.model_validate(yaml.safe_load(written.read_text()), strict=False).data == config.data
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_the_schema_for_editors_is_true() -> None:
    assert (CONFIGS / "schema.json").read_text(encoding="utf-8") == schema_text(TASKS), (
        "write it anew: medse schema --out configs/schema.json"
    )


def test_numbers_that_follow_from_the_data_cannot_be_written() -> None:
    path = CONFIGS / "quickstart.yaml"
    for key in ("in_channels", "out_channels", "spatial_dims"):
        with pytest.raises(InputError, match=f"net.{key} = 3: unknown key"):
            load_config(path, [f"net.{key}=3"])


def test_a_training_needs_an_end() -> None:
    with pytest.raises(InputError, match="a training needs an end; set max_epochs, max_minutes or both"):
        load_config(CONFIGS / "quickstart.yaml", ["trainer.max_minutes=none"])


def test_packaged_configurations_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(Path("quickstart.yaml")) == packaged_configs()["quickstart.yaml"]
    (tmp_path / "quickstart.yaml").write_text("mine")
    assert find_config(Path("quickstart.yaml")) == Path("quickstart.yaml")
    with pytest.raises(InputError, match="quikstart.yaml does not exist; did you mean 'quickstart.yaml'"):
        find_config(Path("quikstart.yaml"))

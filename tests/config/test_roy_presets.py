"""The networks of Roy et al. as they are shipped."""

from pathlib import Path

import pytest

from medse.config.run import load_config
from medse.runs import build

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize(("preset", "count"), [("unet", 2_054_684), ("sdnet", 1_233_957), ("densenet", None)])
def test_attention_is_chosen_on_the_command_line_and_stands_in_eight_blocks(
    preset: str, count: int | None
) -> None:
    def parameters(*overrides: str) -> int:
        config = load_config(CONFIGS / f"roy_{preset}.yaml", overrides)
        return sum(p.numel() for p in build.net(config, 1, 28).parameters())

    plain = parameters("net.attention=none")
    assert count in (None, plain)
    assert parameters("net.attention=cse") - plain == 8 * (2 * 64 * 32 + 32 + 64)
    assert parameters("net.attention=sse") - plain == 8 * (64 + 1)
    assert parameters() - plain == parameters("net.attention=scse") - plain == 34_056

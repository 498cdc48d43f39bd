"""Searches of frequencies are sharpened while a network trains, then frozen and reported."""

import json
import logging
from pathlib import Path
from typing import Any, get_args

import lightning.pytorch as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from medse.attention.fca.spectral import SpectralAttention
from medse.config.run import load_config
from medse.runs import Weights
from medse.runs.trained import load_run
from medse.tasks.callbacks.annealing import Annealing
from medse.tasks.callbacks.budget import Budget
from medse.train import train_run


class Toy(pl.LightningModule):
    """Fits noise and remembers the temperature of every step."""

    def __init__(self, selection: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        block = SpectralAttention(2, 8, selection=selection, components=2, reduction=2)
        self.net = nn.Sequential(nn.Conv2d(1, 8, 1), nn.Sequential(block, nn.Conv2d(8, 1, 1)))
        self.temperatures: list[float] = []
        self.kept = "net"

    def training_step(self, batch: Tensor, _index: int) -> Tensor:
        search = self.net[1][0].search  # type: ignore[index]
        if search is not None:
            self.temperatures.append(search.temperature.item())
        loss: Tensor = (self.net(batch) - batch.flip(0)).square().mean()
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.1)


def fit(folder: Path, selection: Any, epochs: int, resume: Path | None = None) -> Toy:
    """Train for some epochs of 4 steps."""
    toy = Toy(selection)
    budget = Budget(4 * epochs, None)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[budget, Annealing(toy, folder, budget)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches: Any = torch.randn(4, 2, 1, 9, 6, generator=torch.Generator().manual_seed(0))
    loader = DataLoader(batches, batch_size=None)
    trainer.fit(toy, loader, ckpt_path=resume, weights_only=True)
    if resume is None:
        trainer.save_checkpoint(folder / "complete.ckpt")
    return toy


def test_a_search_is_sharpened_frozen_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "medse")
    toy = fit(tmp_path, "nas", 2)
    assert toy.temperatures == pytest.approx([0.01 ** (step / 8) for step in range(8)])
    search = toy.net[1][0].search  # type: ignore[index]
    assert search.choice.tolist() == search.scores.argmax(1).tolist()
    report = json.loads((tmp_path / "frequencies.json").read_text())
    assert report == {"grid": 7, "blocks": {"1.0": [list(index) for index in search.chosen()]}}
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("medse")]
    assert ours == [f"frequencies chosen by 1 attention block: {tmp_path / 'frequencies.json'}"]


def test_a_complete_training_that_is_resumed_ends_frozen(tmp_path: Path) -> None:
    fit(tmp_path, "nas", 2)
    state = torch.load(tmp_path / "complete.ckpt", weights_only=True)
    chosen = state["state_dict"]["net.1.0.search.choice"].clone()
    state["state_dict"]["net.1.0.search.choice"].fill_(-1)  # as it was when the last epoch was saved
    torch.save(state, tmp_path / "last.ckpt")
    (tmp_path / "frequencies.json").unlink()
    toy = fit(tmp_path, "nas", 2, resume=tmp_path / "last.ckpt")
    assert toy.temperatures == []
    torch.testing.assert_close(toy.net[1][0].search.choice, chosen)  # type: ignore[index]
    assert (tmp_path / "frequencies.json").is_file()
    longer = fit(tmp_path, "nas", 3, resume=tmp_path / "last.ckpt")
    assert longer.temperatures == pytest.approx([0.01 ** (step / 12) for step in range(8, 12)])


def test_nothing_happens_without_a_search(tmp_path: Path) -> None:
    fit(tmp_path, "top", 1)
    assert not (tmp_path / "frequencies.json").exists()


def test_a_run_holds_what_was_chosen(tiny_config: Path, tmp_path: Path) -> None:
    option = "net.attention={name: fca, selection: nas, components: 4, reduction: 4}"
    run = tmp_path / "run"
    train_run(load_config(tiny_config, [option]), run)
    blocks = json.loads((run / "frequencies.json").read_text())["blocks"]
    assert list(blocks) == ["encoders.0.2", "decoders.0.2"]
    weights = load_file(run / "model.safetensors")
    for name, chosen in blocks.items():
        positions = [49 * u + 7 * v + w for u, v, w in chosen]
        assert weights[f"{name}.search.choice"].tolist() == positions
        assert weights[f"{name}.search.temperature"].item() == pytest.approx(0.01 ** (5 / 6))
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert (best["net.encoders.0.2.search.choice"] == -1).all()
    for kind in get_args(Weights):
        load_run(run, device="cpu", weights=kind)

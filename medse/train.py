"""Fitting one run."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from safetensors.torch import save_file
from torch.utils.data import DataLoader, Subset

from medse.config.run import Config, load_config
from medse.data.loading import PreparedCases
from medse.data.patches import PatchDataset, PatchSampler, gather
from medse.errors import InputError, some
from medse.files import atomic_path, refuse_existing
from medse.preprocess import window
from medse.runs import build
from medse.runs.build import prepare_data
from medse.runs.directory import DatasetFacts, RunDir
from medse.runs.hardware import LIGHTNING, resolve_device, resolve_precision
from medse.runs.provenance import fingerprint, provenance
from medse.runs.trained import read_checkpoint
from medse.tasks.callbacks.annealing import Annealing
from medse.tasks.callbacks.budget import Budget
from medse.tasks.callbacks.progress import Progress, TellProgress
from medse.tasks.callbacks.recording import LAST, Checkpoints, CsvLog, Divergence
from medse.tasks.optimizers import poly
from medse.tasks.segmentation import SegmentationTask
from medse.tasks.tensorboard import tensorboard_log

GRADIENT_NORM = 12.0
"""Gradients are clipped to this norm, the value of nnU-Net."""


def train_run(
    config: Config | str | Path,
    run_dir: str | Path,
    *,
    fold: int = 0,
    resume: bool = False,
    progress: Progress | None = None,
) -> None:
    """Train one fold of ``config`` and leave everything in ``run_dir``.

    Nothing is written before the data set, the network and every case in memory have been found usable.

    Args:
        config: The run's configuration, its file, or the name of a packaged one.
        run_dir: Where the run's files go; must not exist unless ``resume``.
        fold: Which fold to validate on, from 0.
        resume: Continue the run in ``run_dir`` after its last complete epoch.
        progress: Called with what happened: after steps, at most five times a second, and after each validation.

    Raises:
        KeyboardInterrupt: The training was interrupted; it can be resumed after its last complete epoch.
        InputError: The run exists (or, with ``resume``, does not or differs, or its data changed), the data
            cannot be used, or the device does not exist.

    Example:
        >>> events = []
        >>> train_run("tiny.yaml", "runs/first", progress=events.append)
        >>> events[-1].epoch, sorted(events[-1].class_dice)
        (1, ['bright', 'dim'])
    """
    run_dir = Path(run_dir)
    if not isinstance(config, Config):
        config = load_config(config)
    run = RunDir(run_dir)
    last = None
    if resume:
        _check_resumable(run, config, fold)
        last = _last_checkpoint(run)
    else:
        refuse_existing(run_dir, "add --resume to continue that run, or give another --run")
    device = resolve_device(config.trainer.device)
    precision = LIGHTNING[resolve_precision(config.trainer.precision, device)]
    cases = build.dataset(config.data)
    if resume and run.read_fingerprint() != fingerprint(cases.cases):
        raise InputError(
            f"The data in {config.data.root} changed since {run_dir} was started on it; restore the data, or start "
            "a new run with another --run."
        )
    folds = build.folds(config, cases)
    if not 0 <= fold < len(folds):
        raise InputError(
            f"There is no fold {fold}; data.folds is {len(folds)}, so give 0 to {len(folds) - 1}."
        )
    pl.seed_everything(config.seed, workers=True, verbose=False)
    network = build.net(config, len(cases.channels), cases.labels.classes)
    data = prepare_data(config, cases)
    headers, preprocessing = data.headers, data.preprocessing
    learnt = DatasetFacts(
        cases.name, cases.channels, cases.labels, preprocessing.spacing_mm, headers.oriented
    )
    split = folds[fold]
    by_id = {case.id: case for case in cases.cases}
    ordered = [by_id[name] for name in (*split.training, *split.validation)]
    prepared = PreparedCases(ordered, headers.grids, data.loader, config.data.cache_gb)
    training = Subset(prepared, range(len(split.training)))
    validation = Subset(prepared, range(len(split.training), len(ordered)))

    settings = config.trainer
    steps = settings.steps_per_epoch
    budget = Budget(settings.max_epochs and settings.max_epochs * steps, settings.max_minutes)
    segment = build.segmenter(config, network, preprocessing, cases.labels, len(cases.channels))
    module = SegmentationTask(
        net=network,
        loss=build.loss(config, cases.labels),
        make_optimizer=build.make_optimizer(config),
        decay=poly,
        share_done=budget.share_done,
        augment=data.augmentation,
        scores=segment.scores,
        classes=cases.labels.names,
    )
    patches = DataLoader(
        PatchDataset(
            training,
            window(config.data.patch_size, config.data.slice_axis),
            cases.labels.classes,
            config.data.foreground,
            build.slice_axis(config.data),
            data.augmentation,
        ),
        batch_size=settings.batch_size,
        collate_fn=gather,
        sampler=PatchSampler(len(training), steps * settings.batch_size, config.seed),
        num_workers=config.data.workers,
        persistent_workers=config.data.workers > 0,
        pin_memory=device.type == "cuda",
    )
    volumes = DataLoader(validation, batch_size=None, collate_fn=lambda case: case)
    if not resume:
        facts = provenance(cases.cases, config.seed, device, precision)
        groups = {case.id: case.group for case in cases.cases}
        run.write(config, learnt, folds, fold, groups, {**facts, "geometry_fixed": headers.copied})
    with _quiet_lightning():
        trainer = pl.Trainer(
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1,
            precision=precision,
            max_epochs=settings.max_epochs or -1,
            min_epochs=0,
            check_val_every_n_epoch=settings.validate_every,
            num_sanity_val_steps=0,
            gradient_clip_val=GRADIENT_NORM,
            callbacks=[
                budget,
                CsvLog(run.log, cases.labels.names, budget),
                Divergence(),
                Checkpoints(run.checkpoints),
                Annealing(network, run.path, budget),
                *([TellProgress(progress, budget)] if progress else []),
            ],
            plugins=[_alone()],
            logger=tensorboard_log(run.path),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=run.path,
        )
        try:
            trainer.fit(module, patches, volumes, ckpt_path=last, weights_only=True)
        except SystemExit:  # Lightning's answer to Ctrl-C
            raise KeyboardInterrupt from None
    with atomic_path(run.weights) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, temporary)


def _check_resumable(run: RunDir, config: Config, fold: int) -> None:
    """Raise unless ``run`` was started with this configuration and fold; only its length may change."""
    before = run.read_config()
    old, new = (_flat(c.model_dump(mode="json")) for c in (before, config))
    free = {"trainer.max_epochs", "trainer.max_minutes", "trainer.device"}
    changed = sorted(
        key for key in old.keys() | new.keys() if old.get(key) != new.get(key) and key not in free
    )
    if changed:
        shown = some([f"{key} ({old.get(key)} then, {new.get(key)} now)" for key in changed])
        raise InputError(
            f"{run.path} was started with another configuration: {shown}; resume with the configuration in "
            f"{run.config} or give another --run."
        )
    if fold != run.read_fold():
        raise InputError(f"{run.path} validates on fold {run.read_fold()}, not {fold}; give that --fold.")
    run.read_dataset()


def _last_checkpoint(run: RunDir) -> Path | None:
    """Return the checkpoint to resume from; None when the run was interrupted within its first epoch."""
    last = run.checkpoints / LAST
    if last.is_file():
        read_checkpoint(last)
        return last
    if run.log.is_file():
        raise InputError(
            f"{last} does not exist, though {run.log} lists epochs; restore it or start a new run with another --run."
        )
    return None


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's notices about devices and products to itself; errors are shown."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(lightning|monai|torch)\b")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _alone() -> LightningEnvironment:
    """Return the surroundings of a training in one process, whatever a cluster's variables say of others.

    Lightning would count the tasks of a SLURM, LSF, MPI or torchrun job as processes of one training, leave writing
    to the first of them, and under SLURM put the job into the queue again with checkpoints of its own.
    """
    surroundings = LightningEnvironment()
    surroundings.set_global_rank(0)  # the rank that writes; at import Lightning took that of the job
    return surroundings


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat

"""Fitting one run."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lightning.pytorch as pl
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader, Subset

from medse.config.run import Config, load_config
from medse.data.loading import PreparedCases
from medse.data.patches import PatchDataset, PatchSampler
from medse.data.splits import copies, refuse_copies, some_of
from medse.data.workers import Batches, workers_in_words
from medse.errors import InputError
from medse.files import given_path
from medse.machine import memory_for
from medse.preprocess import window
from medse.registry import check_arguments
from medse.runs import build
from medse.runs.build import prepare_data
from medse.runs.directory import DatasetFacts, RunDir
from medse.runs.hardware import LIGHTNING, accelerator, fixed_sizes, resolve_device, resolve_precision
from medse.runs.identity import run_identity
from medse.runs.lock import locked
from medse.runs.provenance import device_name, file_digests, fingerprint, image_contents, provenance
from medse.runs.resuming import Resumed, resumable
from medse.runs.weights import write_weights
from medse.tasks.callbacks.annealing import Annealing
from medse.tasks.callbacks.budget import Budget
from medse.tasks.callbacks.progress import Progress, TellProgress
from medse.tasks.callbacks.recording import RUN_ID, Checkpoints, CsvLog, Divergence, SetAside, StraightToFile
from medse.tasks.optimizers import poly
from medse.tasks.segmentation import SegmentationTask
from medse.tasks.tensorboard import tensorboard_log

GRADIENT_NORM = 12.0
"""Gradients are clipped to this norm, the value of nnU-Net."""
LESS = (
    "close other programs, or start a new run with a smaller trainer.batch_size, data.patch_size or network"
)
"""What to do where a training step does not fit into memory."""


@check_arguments()
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
        resume: Continue the run in ``run_dir`` after the last epoch that was saved. Its length, device, validation,
            cache and processes may be others than before, and the same data elsewhere; ``provenance.json`` says so.
        progress: Called with what happened: after steps, at most five times a second, and after each validation.

    Raises:
        KeyboardInterrupt: The training was interrupted, by Ctrl-C or SIGTERM; it can be resumed.
        InputError: The run exists (or, with ``resume``, does not, differs, is damaged, or its data changed), another
            training writes it, the data cannot be used, or the device does not exist.

    Example:
        >>> events = []
        >>> train_run("tiny.yaml", "runs/first", progress=events.append)
        >>> events[-1].epoch, sorted(events[-1].class_dice)
        (1, ['bright', 'dim'])
    """
    if not isinstance(config, Config):
        config = load_config(config)
    run = RunDir(given_path(run_dir))
    with ExitStack() as held:
        if resume:
            run.read_config()
            held.enter_context(locked(run.path))
            _train(config, run, fold, progress, held, resumable(run, config, fold))
        else:
            run.refuse_started()
            _train(config, run, fold, progress, held, None)


def _train(
    config: Config,
    run: RunDir,
    fold: int,
    progress: Progress | None,
    held: ExitStack,
    resumed: Resumed | None,
) -> None:
    """Train what is new or ``resumed``; the lock of a new run joins what is ``held``."""
    device = resolve_device(config.trainer.device)
    precision = LIGHTNING[resolve_precision(config.trainer.precision, device)]
    cases = build.dataset(config.data)
    folds = build.folds(config, cases)
    if not 0 <= fold < len(folds):
        raise InputError(
            f"There is no fold {fold}; data.folds is {len(folds)}, so give 0 to {len(folds) - 1}."
        )
    pl.seed_everything(config.seed, workers=True, verbose=False)
    network = build.net(config, len(cases.channels), cases.labels.classes)
    digests = file_digests(cases.cases)
    data_sha256 = fingerprint(cases.cases, digests)
    if resumed:
        resumed.check_precision(config.trainer.precision, precision)
        resumed.check_data(data_sha256, folds, config.data.root)
    run_id = resumed.run_id if resumed else run_identity(config, fold, data_sha256, precision)
    split = folds[fold]
    by_id = {case.id: case for case in cases.cases}
    refuse_copies(copies(split, by_id, image_contents(cases.cases, digests)))
    data = prepare_data(config, cases)
    headers, preprocessing = data.headers, data.preprocessing
    settings = config.trainer
    steps = settings.steps_per_epoch
    budget = Budget(settings.max_epochs and settings.max_epochs * steps, settings.max_minutes)
    log = CsvLog(run.log, cases.labels.names, budget)
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
    kind, devices = accelerator(device)
    with _quiet_lightning():
        trainer = pl.Trainer(
            accelerator=kind,
            devices=devices,
            precision=precision,
            max_epochs=settings.max_epochs or -1,
            min_epochs=0,
            check_val_every_n_epoch=settings.validate_every,
            num_sanity_val_steps=0,
            gradient_clip_val=GRADIENT_NORM,
            callbacks=[
                budget,
                log,
                Divergence(),
                Checkpoints(run.checkpoints, run_id),
                SetAside(run.weights, run.weights_before),
                Annealing(network, run.path, budget),
                *([TellProgress(progress, budget)] if progress else []),
            ],
            plugins=[_alone(), StraightToFile()],
            logger=tensorboard_log(run.path),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=run.path,
        )
    sampler = PatchSampler(len(split.training), steps * settings.batch_size, config.seed)
    if resumed:
        resumed.check_checkpoint(module, trainer)
        resumed.check_end(settings.max_epochs)
        log.resume(resumed.epochs)
        sampler.set_epoch(resumed.epochs)  # before Lightning does: workers ask for patches at once
    watched = some_of(split.validation, settings.validation_cases, config.seed, fold)
    ordered = [by_id[name] for name in (*split.training, *watched)]
    prepared = PreparedCases(ordered, headers.grids, data.loader, config.data.cache_gb)
    refuse_copies(copies(split, by_id, prepared.contents))
    patches = Batches(
        PatchDataset(
            Subset(prepared, range(len(split.training))),
            window(config.data.patch_size, config.data.slice_axis),
            cases.labels.classes,
            config.data.foreground,
            build.slice_axis(config.data),
            data.augmentation,
        ),
        sampler,
        settings.batch_size,
        config.data.workers,
        pinned=device.type == "cuda",
    )
    validation = Subset(prepared, range(len(split.training), len(ordered)))
    volumes = DataLoader(validation, batch_size=None, collate_fn=lambda case: case)
    groups = {case.id: case.group for case in cases.cases}
    last = None
    if resumed:
        last = resumed.take_over(device_name(device), groups)
    else:
        held.enter_context(locked(run.path))
        run.refuse_started()  # unless another was quicker
        run.remove_unfinished()
        learnt = DatasetFacts(
            cases.name, cases.channels, cases.labels, preprocessing.spacing_mm, headers.oriented
        )
        facts = {RUN_ID: run_id, **provenance(data_sha256, config.seed, device, precision)}
        run.write(config, learnt, folds, fold, groups, {**facts, "geometry_fixed": headers.copied})
    with _quiet_lightning(), fixed_sizes(device):
        try:
            with workers_in_words(), memory_for(f"The training of {run.path}", LESS):
                trainer.fit(module, patches, volumes, ckpt_path=last, weights_only=True)
        except SystemExit as error:
            if isinstance(error, SIGTERMException) or isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None  # what Lightning makes of SIGTERM and of Ctrl-C
            raise
    write_weights(run.weights, network, run_id)


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

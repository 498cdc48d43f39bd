"""Fitting one run."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lightning.pytorch as pl
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.utilities.exceptions import SIGTERMException

from medse.config.classification import ClassificationConfig
from medse.config.run import Config, load_config
from medse.data.patches import PatchSampler
from medse.data.workers import Batches, workers_in_words
from medse.errors import InputError
from medse.files import given_path
from medse.machine import memory_for
from medse.registry import check_arguments
from medse.runs.classification import ClassificationTraining
from medse.runs.directory import RunDir
from medse.runs.hardware import LIGHTNING, accelerator, fixed_sizes, resolve_device, resolve_precision
from medse.runs.identity import run_identity
from medse.runs.lock import locked
from medse.runs.provenance import device_name, provenance
from medse.runs.resuming import Resumed, check_data, resumable
from medse.runs.segmentation import SegmentationTraining
from medse.runs.training import Training
from medse.runs.weights import write_weights
from medse.tasks.callbacks.annealing import Annealing
from medse.tasks.callbacks.budget import Budget
from medse.tasks.callbacks.progress import Progress, TellProgress
from medse.tasks.callbacks.recording import RUN_ID, Checkpoints, CsvLog, Divergence, SetAside, StraightToFile
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
    settings = config.trainer
    device = resolve_device(settings.device)
    precision = LIGHTNING[resolve_precision(settings.precision, device)]
    training = open_training(config)
    folds = training.folds
    if not 0 <= fold < len(folds):
        raise InputError(
            f"There is no fold {fold}; data.folds is {len(folds)}, so give 0 to {len(folds) - 1}."
        )
    pl.seed_everything(config.seed, workers=True, verbose=False)
    network = training.network()
    data_sha256 = training.fingerprint()
    if resumed:
        resumed.check_precision(settings.precision, precision)
        check_data(run, data_sha256, folds, training.root)
    run_id = resumed.run_id if resumed else run_identity(config, fold, data_sha256, precision)
    training.check_files(fold)
    steps = settings.steps_per_epoch
    budget = Budget(settings.max_epochs and settings.max_epochs * steps, settings.max_minutes)
    task = training.task(fold, network, budget)
    log = CsvLog(run.log, task.columns, budget)
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
                Checkpoints(run.checkpoints, run_id, task.proxy),
                SetAside(run.weights, run.weights_before),
                Annealing(task, run.path, budget),
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
    sampler = PatchSampler(len(folds[fold].training), steps * settings.batch_size, config.seed)
    if resumed:
        resumed.check_checkpoint(task, trainer)
        resumed.check_end(settings.max_epochs)
        log.resume(resumed.epochs)
        sampler.set_epoch(resumed.epochs)  # before Lightning does: workers ask for patches at once
    items, validation = training.load(fold)
    batches = Batches(items, sampler, settings.batch_size, training.workers, pinned=device.type == "cuda")
    last = None
    if resumed:
        last = resumed.take_over(device_name(device), training.groups)
    else:
        held.enter_context(locked(run.path))
        run.refuse_started()  # unless another was quicker
        run.remove_unfinished()
        facts = {
            RUN_ID: run_id,
            **provenance(data_sha256, config.seed, device, precision),
            **training.facts(),
        }
        run.write(config, training.learnt(), folds, fold, training.groups, facts)
    with _quiet_lightning(), fixed_sizes(device):
        try:
            with workers_in_words(), memory_for(f"The training of {run.path}", LESS):
                trainer.fit(task, batches, validation, ckpt_path=last, weights_only=True)
        except SystemExit as error:
            if isinstance(error, SIGTERMException) or isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None  # what Lightning makes of SIGTERM and of Ctrl-C
            raise
    write_weights(run.weights, task.get_submodule(task.kept), run_id)


def open_training(config: Config) -> Training:
    """Read the index of the data set of ``config`` and deal its cases to folds."""
    if isinstance(config, ClassificationConfig):
        return ClassificationTraining(config)
    return SegmentationTraining(config)


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

"""One process trains, whatever a cluster's variables say of others."""

import signal
from pathlib import Path

import pytest
from lightning.fabric.utilities.rank_zero import rank_zero_only

from medse.config.run import load_config
from medse.train import train_run

JOBS: list[dict[str, str]] = [
    {"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "5", "SLURM_PROCID": "1"},
    {
        "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0",
        "MASTER_ADDR": "localhost", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "job",
    },
    {
        "LSB_JOBID": "1", "LSB_DJOB_RANKFILE": "/nowhere/ranks", "JSM_NAMESPACE_RANK": "1",
        "JSM_NAMESPACE_LOCAL_RANK": "1", "JSM_NAMESPACE_SIZE": "2",
    },
    {
        "KUBERNETES_PORT": "tcp://10.0.0.1:443", "MASTER_ADDR": "host", "MASTER_PORT": "1",
        "RANK": "1", "WORLD_SIZE": "2",
    },
    {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "PMI_RANK": "1"},
]  # fmt: skip


@pytest.mark.parametrize("job", JOBS, ids=["slurm", "torchrun", "lsf", "kubeflow", "mpi"])
def test_a_training_in_a_job_of_two_tasks(
    job: dict[str, str], tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        rank_zero_only, "rank", 1
    )  # what Lightning makes of these variables when it is imported
    before = signal.getsignal(signal.SIGUSR1)
    inside: list[object] = []

    def look(_event: object) -> None:
        inside[:] = [signal.getsignal(signal.SIGUSR1)]

    train_run(load_config(tiny_config, ["trainer.max_epochs=1"]), tmp_path / "run", progress=look)
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))
    assert inside == [before]  # nothing puts the job into the queue again

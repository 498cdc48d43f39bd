"""Trainings that are killed anywhere, or meet a full disk or another training, end as if nothing had been."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")


def kill_trainings(*arguments: str) -> None:
    command = [sys.executable, "-m", "tests.support.killed_training", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 did not end as they must" in done.stdout
    assert "killed" in done.stdout


def test_a_training_that_is_killed_three_times_and_one_that_is_started_twice() -> None:
    kill_trainings("--kills", "1", "--workers", "2", "--sizes")


@pytest.mark.slow
def test_twenty_trainings_that_are_killed_with_and_without_workers() -> None:
    kill_trainings("--kills", "20")

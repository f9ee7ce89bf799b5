"""Forward passes are shared out over all devices, and the answer is that of one device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]

SCRIPT = """
import json
import jax
from probbound.certificates.certification import certify
from probbound.models.answering import padded
from probbound.models.attention_only.evaluation import ForwardLoss
from probbound.draws.random_streams import Stream
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model

model = copying_model(0)
task, stream = task_for(model), Stream.from_seed(0).fold_in("devices")
draws = lambda start, stop: task.sample(stream, start, stop)
found = certify(model, task, strategy="iid", budget=3001, delta=1e-6, seed=0).to_json()
with jax.enable_x64(True):
    placed = padded(task, draws(0, 3001))[0]
shards = [shard.data.shape[0] for shard in placed.addressable_shards]
print(json.dumps({
    "shards": shards,
    "sampling": found["sampling"],
    "failure_upper": found["failure_upper"],
    "losses": ForwardLoss.of(model, task).upper(draws(0, 3001)).tolist(),
}))
"""


def found(devices: int) -> dict:
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SCRIPT]
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run(command, check=True, **options)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def alone() -> dict:
    return found(1)


@pytest.mark.parametrize(("devices", "shards"), [(4, [1024] * 4), (3, [1366] * 3)])
def test_several_devices_answer_as_one(alone, devices, shards):
    shared = found(devices)
    assert alone["shards"] == [4096]
    assert 0 < alone["sampling"]["failures"] < 3001
    assert shared["shards"] == shards
    for field in ("sampling", "failure_upper"):
        assert shared[field] == alone[field]
    assert shared["losses"] == pytest.approx(alone["losses"], rel=1e-9, abs=1e-12)

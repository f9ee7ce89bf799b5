"""What a task costs that nobody asks about: nothing."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from probbound.machine.errors import UserError
from probbound.tasks import registry

HUNDRED = {f"task-{number}": f"no_such_room_{number}" for number in range(100)}
USE = """
import json, sys
import probbound
from probbound.cli.app import app
from probbound.tasks import registry
registry._ROOMS.packages.update(json.loads(sys.argv[1]))
model = probbound.load("max-of-4")
task = probbound.task_for(model)
made = probbound.certify(model, task, strategy="iid", budget=20, delta=0.1)
registry.strategy_names(), registry.room_of(task), registry.task_names()
app(["certify", "--help"], standalone_mode=False)
"""


def test_a_hundred_rooms_that_nobody_enters_are_not_imported():
    """A room that is not there cannot be imported, so none of the hundred was."""
    command = [sys.executable, "-c", USE, json.dumps(HUNDRED)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


def test_a_room_that_is_entered_is_imported(monkeypatch):
    known = registry._ROOMS
    monkeypatch.setattr(registry, "_ROOMS", replace(known, packages={**known.packages, **HUNDRED}))
    assert len(registry.task_names()) >= 101
    with pytest.raises(ModuleNotFoundError, match="no_such_room_7"):
        registry.room_named("task-7")
    with pytest.raises(UserError, match="there is no task 'task-100'"):
        registry.room_named("task-100")

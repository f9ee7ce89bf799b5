"""What a command loads, as seen by a process of its own: nothing that it does not use."""

import json
import subprocess
import sys

import click
import pytest

from probbound.cli.app import COMMANDS, app
from probbound.tasks.max_of_k.grammar import PLAIN_SCREENS, RUNG_NOISE
from probbound.tasks.max_of_k.methods.ladder import RUNGS
from probbound.tasks.max_of_k.strategies import SCREENS

MAKER = {"jax", "equinox", "jaxtyping", "matplotlib", "optax", "pyarrow", "numpyro"}
HEAVY = MAKER | {"numpy", "scipy", "jsonschema"}


def loaded_by(module, *arguments):
    """The exit status of `python -m MODULE ARGUMENTS`, and all that was imported until then."""
    code = (
        "import json, runpy, sys\n"
        "module, sys.argv = sys.argv[1], sys.argv[1:]\n"
        "try:\n"
        "    runpy.run_module(module, run_name='__main__', alter_sys=True)\n"
        "except SystemExit as ended:\n"
        "    print(json.dumps([ended.code, sorted(sys.modules)]), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, module, *arguments], capture_output=True, text=True
    )
    status, modules = json.loads(done.stderr.splitlines()[-1])
    return status, set(modules)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    import probbound

    model = probbound.load("max-of-4")
    path = tmp_path_factory.mktemp("made") / "c.json"
    task = probbound.task_for(model)
    probbound.certify(model, task, strategy="iid", budget=20).save(path)
    return str(path)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_loads_neither_numpy_nor_what_needs_it(arguments):
    status, modules = loaded_by("probbound", *arguments)
    assert status == 0
    assert not HEAVY & modules


def test_the_models_are_listed_from_their_headers():
    status, modules = loaded_by("probbound", "models")
    assert status == 0
    assert not (HEAVY | {"safetensors"}) & modules


def test_a_certificate_is_shown_without_numpy(certificate):
    status, modules = loaded_by("probbound", "show", certificate)
    assert status == 0
    assert not (HEAVY - {"jsonschema"}) & modules


def test_a_certificate_is_verified_without_the_code_that_made_it(certificate):
    status, modules = loaded_by("probbound", "verify", certificate)
    assert status == 0
    assert not (MAKER | {"jsonschema"}) & modules


def test_the_checker_asked_for_help_loads_nothing():
    status, modules = loaded_by("probbound.check", "--help")
    assert status == 0
    assert not (HEAVY | {"rich", "click"}) & modules


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_the_first_sentence_of_the_command(name):
    command = app.get_command(click.Context(app), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200) == COMMANDS[name].summary


def test_an_unknown_command_is_none_of_them():
    assert app.get_command(click.Context(app), "frobnicate") is None


def test_the_light_names_of_screens_are_all_that_there_are():
    of_rungs = {f"{name}:{noise}" for name, choices in RUNG_NOISE.items() for noise in choices}
    assert set(SCREENS) == {*PLAIN_SCREENS, *RUNG_NOISE, *of_rungs}
    assert {name: rung.noise for name, rung in RUNGS.items()} == RUNG_NOISE

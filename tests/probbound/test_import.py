"""What `import probbound` loads, as seen by a process of its own: nothing before it is used."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import probbound

HEAVY = {
    *("numpy", "scipy", "jax", "jaxlib", "equinox", "jaxtyping", "numpyro", "optax"),
    *("matplotlib", "pandas", "pyarrow", "rich", "click", "safetensors", "jsonschema", "torch"),
}


def loaded_by(code):
    """The modules of a fresh process that ran `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy_and_no_estimator():
    modules = loaded_by("import probbound\ndir(probbound)")
    assert not HEAVY & modules
    own = {name for name in modules if name.startswith(("probbound", "estimators"))}
    assert own == {"probbound"}


@pytest.mark.parametrize(
    "name", ["Claim", "UserError", "load", "shipped_names", "strategy_names", "task_for"]
)
def test_light_names_load_neither_numpy_nor_jax(name):
    assert not HEAVY & loaded_by(f"from probbound import {name}")


@pytest.mark.parametrize("name", ["bound_share", "bound_mean", "Given", "read_certificate"])
def test_own_claims_load_no_jax(name):
    unused = {"jax", "equinox", "numpyro", "optax", "matplotlib", "pyarrow", "pandas"}
    assert not unused & loaded_by(f"from probbound import {name}")


@pytest.mark.parametrize("name", probbound.__all__)
def test_every_name_is_found_where_it_is_said_to_be(name):
    assert getattr(probbound, name).__name__ == name


def test_what_type_checkers_are_told_is_what_is_loaded():
    """The imports under TYPE_CHECKING, which completion and pyright follow, name the same homes."""
    body = ast.parse(Path(probbound.__file__).read_text()).body
    (block,) = (node for node in body if isinstance(node, ast.If))
    told = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == probbound._HOMES


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'frobnicate'"):
        probbound.frobnicate  # noqa: B018

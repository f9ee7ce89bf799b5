"""Ctrl-C while a command loads its modules: one word, exit status 130, no traceback."""

import signal
import subprocess
import sys
import threading

import pytest

from probbound.cli.loading import loading
from probbound.cli.main import run

AT = """
import os, runpy, signal, sys
module, at, sys.argv = sys.argv[1], sys.argv[2], sys.argv[2:]
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == at:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
if module == "script":
    from probbound.cli.main import main
    main()
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
CERTIFY = ("certify", "max-of-4", "--strategy", "iid", "--budget", "9")


def interrupted_at(name, module, *arguments):
    command = [sys.executable, "-c", AT, module, name, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "module", "arguments"),
    [
        ("probbound.cli.loading", "probbound", ("--help",)),
        ("probbound.cli.app", "probbound", ("--help",)),
        ("click", "script", ("--help",)),
        ("rich.console", "probbound", ("models",)),
        ("probbound.cli.certify", "script", CERTIFY),
        ("numpy._core.multiarray", "probbound", CERTIFY),
        ("jaxlib", "probbound", CERTIFY),
        ("jax._src.xla_bridge", "script", CERTIFY),
        ("jsonschema", "probbound", ("show", "c.json")),
        ("probbound.check.document", "probbound", ("verify", "c.json")),
        ("pyarrow", "probbound", ("report", "sweep")),
        ("numpy", "probbound.check", ("c.json", "m.npz")),
        ("probbound.check.document", "probbound.check", ("c.json", "m.npz")),
    ],
)
def test_an_early_interruption_is_one_word(name, module, arguments):
    done = interrupted_at(name, module, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_verifier_interrupted_while_it_loads_its_arithmetic_says_one_word(tmp_path):
    path = tmp_path / "c.json"
    assert run([*CERTIFY, "--out", str(path)]) == 0
    done = interrupted_at("numpy", "probbound", "verify", path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_without_an_interruption_the_same_process_does_its_work():
    done = interrupted_at("no.such.module", "probbound", *CERTIFY)
    assert done.returncode == 0
    assert done.stdout.startswith("max-of-4 answers")


def test_python_has_its_own_handler_back_after_loading():
    with loading():
        with loading():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_is_not_pythons_own_is_left_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with loading():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_loads_without_a_handler():
    reached = []

    def load():
        with loading():
            reached.append(True)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert reached == [True]

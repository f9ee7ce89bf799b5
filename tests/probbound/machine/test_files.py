"""Outputs: whole or not there, through links, and never in the place of a device."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading

import pytest

from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.machine.files import leads_to_stdout, require_writable, write_atomically

CERTIFY = ["certify", "max-of-4", "--strategy", "sub-cubic"]


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "f.json"
    write_atomically(target, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["f.json"]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "f.json", b"new")
    assert names(tmp_path) == []


def test_unwritable_outputs_are_refused_early(tmp_path):
    with pytest.raises(UserError, match="it is a directory"):
        require_writable(tmp_path)
    with pytest.raises(UserError, match="there is no directory"):
        require_writable(tmp_path / "none" / "f.json")
    with pytest.raises(UserError, match="cannot write"):
        write_atomically(tmp_path / "none" / "f.json", b"")


@pytest.mark.parametrize("hops", [1, 3])
def test_a_link_stays_a_link_and_its_target_is_written(tmp_path, hops):
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "target.json").write_bytes(b"old")
    path = tmp_path / "link.0"
    path.symlink_to("elsewhere/target.json")
    for number in range(1, hops):
        path = tmp_path / f"link.{number}"
        path.symlink_to(tmp_path / f"link.{number - 1}")
    require_writable(path)
    write_atomically(path, b"new")
    assert path.is_symlink()
    assert (home / "target.json").read_bytes() == b"new"
    assert not (home / "target.json").is_symlink()
    assert names(home) == ["target.json"]


def test_a_link_to_what_is_not_there_yet_makes_it(tmp_path):
    (tmp_path / "link").symlink_to("later.json")
    require_writable(tmp_path / "link")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later.json").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("target", "reason"),
    [("link", "lead in a circle"), ("none/f.json", "there is no directory"), (".", "a directory")],
)
def test_links_that_lead_nowhere_are_one_sentence(tmp_path, target, reason, capsys):
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(UserError, match=reason):
        require_writable(tmp_path / "link")
    with pytest.raises(UserError, match="cannot write"):
        write_atomically(tmp_path / "link", b"new")
    assert run([*CERTIFY, "--out", str(tmp_path / "link")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert names(tmp_path) == ["link"]


def test_an_older_file_keeps_its_permissions_and_a_new_one_follows_the_umask(tmp_path):
    path = tmp_path / "f.json"
    before = os.umask(0o027)
    try:
        write_atomically(path, b"old")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_atomically(path, b"new")
    finally:
        os.umask(before)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o604)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_an_older_file_keeps_its_owner(tmp_path):
    path = tmp_path / "f.json"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    write_atomically(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "f.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda found, mode: found != path)  # as for any but root
    with pytest.raises(UserError, match="it is not writable"):
        require_writable(path)
    with pytest.raises(UserError, match="it is not writable"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


@pytest.fixture
def devices(tmp_path):
    """Copies of /dev/null and /dev/full that may be lost, where this user may make them."""
    made = {"null": 3, "full": 7}
    try:
        for name, minor in made.items():
            os.mknod(tmp_path / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            (tmp_path / name).open("rb").close()
    except OSError:
        pytest.skip("needs root and a file system with devices")
    return tmp_path


def test_a_device_is_written_to_and_stays_one(devices, capsys):
    assert run([*CERTIFY, "--out", str(devices / "null")]) == 0
    assert run([*CERTIFY, "--out", str(devices / "full")]) == 2
    assert "No space left on device" in capsys.readouterr().err
    (devices / "link").symlink_to("null")
    write_atomically(devices / "link", b"new")
    assert names(devices) == ["full", "link", "null"]
    assert all(stat.S_ISCHR((devices / name).stat().st_mode) for name in names(devices))


def test_a_named_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    require_writable(tmp_path / "pipe")
    heard = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_atomically(tmp_path / "pipe", b"new")
    reader.join()
    assert heard == [b"new"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def _certify(*options, **streams):
    command = [sys.executable, "-m", "probbound", *CERTIFY, *options]
    return subprocess.run(command, check=False, **streams)


@pytest.mark.parametrize("options", [["--out", "/dev/stdout"], ["--out", "/dev/fd/1", "--json"]])
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_standard_output_gets_the_certificate_alone(tmp_path, options, kind):
    """Also where it is a file, which is neither replaced nor cut."""
    sink = tmp_path / "said"
    if kind == "pipe":
        made = _certify(*options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = made.stdout
    else:
        with sink.open("wb") as file:
            file.write(b"before\n")
            file.flush()
            made = _certify(*options, stdout=file, stderr=subprocess.PIPE)
        said = sink.read_bytes().removeprefix(b"before\n")
    assert made.returncode == 0
    assert json.loads(said)["strategy"] == "sub-cubic"


def test_an_open_descriptor_is_written_to_and_a_closed_one_is_one_sentence(tmp_path):
    read, write = os.pipe()
    (tmp_path / "link").symlink_to(f"/dev/fd/{write}")
    write_atomically(tmp_path / "link", b"new")
    os.close(write)
    with os.fdopen(read, "rb") as file:
        assert file.read() == b"new"
    with pytest.raises(UserError, match="Bad file descriptor"):
        require_writable(tmp_path / "link")
    assert leads_to_stdout(tmp_path / "link") is False

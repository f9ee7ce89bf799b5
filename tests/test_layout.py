"""The rooms and who may import whom: studies -> probbound -> estimators, never the other way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "estimators": {"estimators"},
    "probbound": {"probbound", "estimators"},
    "studies": {"studies", "probbound", "estimators"},
}
ROOMS = set(ALLOWED)
COMPOSITION_ROOT = ROOT / "probbound" / "cli"


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.add((node.module or "").split(".")[0])
    return found & ROOMS


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_import_direction(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        if COMPOSITION_ROOT not in path.parents:
            assert imported_rooms(path) <= ALLOWED[room], path


def test_only_the_command_line_may_import_the_studies():
    importers = {
        path
        for room in ("probbound", "estimators")
        for path in (ROOT / room).rglob("*.py")
        if "studies" in imported_rooms(path)
    }
    assert all(COMPOSITION_ROOT in path.parents for path in importers)


def test_the_lazy_exports_are_the_declared_ones():
    import probbound

    assert sorted(probbound._HOMES) == sorted(probbound.__all__)
    for name in probbound.__all__:
        assert getattr(probbound, name).__module__ == probbound._HOMES[name]

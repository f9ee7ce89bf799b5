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


# The rooms of probbound from the ground up: each may import from itself and those before it.
ORDER = (
    ("machine",),
    ("arithmetic", "figures"),
    ("draws",),
    ("contract",),
    ("populations",),
    ("noise",),
    ("models",),
    ("strategies",),
    ("planning",),
    ("tasks",),
    ("certificates",),
    ("own",),
    ("sweeps",),
    ("cli",),
)
ALONE = ("check",)  # imports nothing of probbound, and only the command line imports it
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def room_of(module: str) -> str:
    """The room of a module of probbound: the package below the root, or its own file."""
    first = module.split(".")[1]
    return first if (ROOT / "probbound" / first).is_dir() else f"{first}.py"


def imported_modules(path: Path) -> set[str]:
    """Every module of probbound that a file names in an import, at whatever depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name for name in found if name.startswith("probbound.")}


@pytest.mark.parametrize("room", sorted(LEVEL))
def test_rooms_import_only_what_lies_below_them(room):
    place = ROOT / "probbound" / room
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        for module in imported_modules(path):
            other = room_of(module)
            allowed = other in ALONE if room == "cli" else False
            assert allowed or LEVEL[other] <= LEVEL[room], f"{path} imports {module}"


def test_every_module_has_a_room():
    rooms = {path.name for path in (ROOT / "probbound").iterdir() if path.is_dir()}
    files = {path.name for path in (ROOT / "probbound").glob("*.py")}
    data = {"schemas", "__pycache__"}
    assert (rooms - data) | files == {*LEVEL, *ALONE, "__init__.py", "__main__.py"}


def test_the_checker_stands_alone():
    for path in sorted((ROOT / "probbound" / "check").rglob("*.py")):
        assert {room_of(module) for module in imported_modules(path)} <= {"check"}, path


@pytest.mark.parametrize("side", ["probbound/tasks", "probbound/check/tasks"])
def test_no_room_knows_a_task_but_its_own(side):
    """A task's modules are imported within its room alone; who wants it asks the registry.

    A package without the module that a registry enters by is what tasks share.
    """
    home, entered = ROOT / side, "task.py" if "check" in side else "room.py"
    tasks = [path for path in home.iterdir() if (path / entered).is_file()]
    assert tasks
    root = (ROOT / "probbound" / "check") if "check" in side else ROOT / "probbound"
    prefix = side.replace("/", ".")
    for task in tasks:
        strangers = [path for path in root.rglob("*.py") if task not in path.parents]
        for path in strangers:
            named = {name for name in imported_modules(path) if name.startswith(prefix)}
            inside = {name for name in named if name.split(".")[len(side.split("/"))] == task.name}
            lazy = path == ROOT / "probbound" / "__init__.py"
            assert lazy or not inside, f"{path} imports {inside}"


NETWORK_COMMANDS = {"noise.py"}  # commands of one kind of network, until they serve others


@pytest.mark.parametrize("side", ["probbound/models", "probbound/check/models"])
def test_no_general_room_knows_a_network(side):
    """A network's modules are imported within its room and by tasks, which are about a kind."""
    rooms = [path for path in (ROOT / side).iterdir() if (path / "room.py").is_file()]
    assert rooms
    check = ROOT / "probbound" / "check"
    root = check if "check" in side else ROOT / "probbound"
    for room in rooms:
        prefix = f"{side}/{room.name}".replace("/", ".")
        for path in root.rglob("*.py"):
            inside = room in path.parents or root / "tasks" in path.parents
            lazy = path == ROOT / "probbound" / "__init__.py" or path.name in NETWORK_COMMANDS
            named = {name for name in imported_modules(path) if name.startswith(prefix + ".")}
            assert inside or lazy or not named, f"{path} imports {named}"


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

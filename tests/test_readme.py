"""What the README shows works as shown."""

import re
from pathlib import Path

import pytest

from probbound.cli.main import run

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_example_runs(capsys):
    (example,) = blocks("python")
    exec(example, {})  # noqa: S102
    assert "high-probability" in capsys.readouterr().out


def test_the_command_lines_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [line for line in "\n".join(blocks("sh")).splitlines() if line.startswith("probbound ")]
    assert len(lines) >= 3
    for line in lines:
        assert run(line.split()[1:]) == 0, line
    capsys.readouterr()


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", *map(str, DOCS)])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_theorem_a_docstring_cites_is_in_the_theory():
    theory = (ROOT / "docs" / "theory.md").read_text()
    stated = set(re.findall(r"Theorem (\d+\.\d+) \(", theory))
    for room in ("estimators", "probbound", "studies"):
        for path in (ROOT / room).rglob("*.py"):
            cited = re.findall(r"[Tt]heorems? (\d+\.\d+)(?: and (\d+\.\d+))?", path.read_text())
            for number in {number for pair in cited for number in pair if number}:
                assert number in stated, f"{path.name} cites {number}"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_python_on_the_pages_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for example in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
        if "import torch" not in example:
            exec(example, {})  # noqa: S102

"""What tests are skipped without, `make test-full` gives them."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
_VARIABLE = re.compile(r"\bPROBBOUND_[A-Z0-9_]+")


def test_what_tests_are_skipped_without_is_there_where_all_of_them_run():
    files = [path.read_text() for path in (ROOT / "tests" / "probbound").rglob("*.py")]
    asked = {n for text in files if "pytest.skip(" in text for n in _VARIABLE.findall(text)}
    recipe = (ROOT / "Makefile").read_text().partition("\ntest-full:")[2].partition("\n\n")[0]
    given = _VARIABLE.findall(recipe)
    assert "PROBBOUND_MINILM" in asked
    assert [name for name in asked if not any(each.startswith(name) for each in given)] == []

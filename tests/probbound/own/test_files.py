"""Objects in files: what is executed is what was read, once in a process."""

import pytest

from probbound.machine.errors import UserError
from probbound.own.files import content_of, given_at, parts_of

FILE = """
import probbound

RUNS = []
RUNS.append(1)

def good(pairs):
    return pairs[:, 0] > {least}

CLAIM = probbound.Given(probbound.Product(9, 9), good, name="pairs")
OTHER = probbound.Given(probbound.Product(9), good, name="one")
NUMBER = 5
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    (tmp_path / "claims.py").write_text(FILE.format(least=2))
    return tmp_path


def test_a_file_is_executed_once_for_all_its_claims(here):
    claim, other = given_at("claims.py:CLAIM"), given_at("claims.py:OTHER")
    assert claim.check is other.check
    assert claim.check.__globals__["RUNS"] == [1]
    assert sorted(path.name for path in here.iterdir()) == ["claims.py"]  # nothing compiled is kept


def test_what_runs_is_what_is_there_now(here):
    """Of the same length and within a second: what Python compiled before would pass for it."""
    before = given_at("claims.py:CLAIM")
    (here / "claims.py").write_text(FILE.format(least=3))
    after = given_at("claims.py:CLAIM")
    shares = [claim.bound_share().failure_upper for claim in (before, after)]
    assert shares == pytest.approx([3 / 9, 4 / 9])
    digests = [claim.subject().checks[0].identity.sha256 for claim in (before, after)]
    assert digests[1] not in (None, digests[0])


def test_a_module_beside_it_is_found(here):
    (here / "besides.py").write_text("SIZE = 7\n")
    (here / "more.py").write_text(
        "import besides, probbound\n"
        "A = probbound.Given(probbound.Product(besides.SIZE), len, name='a', version='1')\n"
    )
    assert given_at("more.py:A").population.size == 7


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("claims.py", "an own claim is named FILE.py:NAME, got 'claims.py'"),
        ("claims.py:a b", "an own claim is named FILE.py:NAME"),
        ("none.py:CLAIM", "there is no file none.py"),
        ("claims.py/x.py:CLAIM", "there is no file claims.py/x.py"),
        ("dir.py:CLAIM", "dir.py cannot be read: Is a directory"),
        ("claims.py:MISSING", "claims.py has no MISSING"),
        ("claims.py:NUMBER", r"claims.py:NUMBER is a int; it has to be a probbound.Given\("),
        ("broken.py:CLAIM", "broken.py cannot be run: ZeroDivisionError"),
        ("leaves.py:CLAIM", "leaves.py cannot be run: SystemExit: 3"),
        ("syntax.py:CLAIM", "syntax.py cannot be run: SyntaxError"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(here, place, sentence):
    (here / "dir.py").mkdir()
    (here / "broken.py").write_text("1 / 0\n")
    (here / "leaves.py").write_text("raise SystemExit(3)\n")
    (here / "syntax.py").write_text("def\n")
    with pytest.raises(UserError, match=sentence):
        given_at(place)


def test_the_last_colon_counts():
    assert parts_of(r"C:\claims.py:CLAIM") == (r"C:\claims.py", "CLAIM")
    with pytest.raises(UserError, match="there is no file"):
        content_of(r"C:\claims.py")

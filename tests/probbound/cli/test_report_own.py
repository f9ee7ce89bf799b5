"""Reports of own claims: what docs/sweeps.md shows, and own claims beside networks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from probbound.cli.facets import facets_of
from probbound.cli.main import run
from probbound.cli.report.data import Report, weighted_frontier
from probbound.cli.report.page import page
from probbound.cli.report.plots import views_of
from probbound.cli.report.tables import blocks
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.run import Sweep, run_sweep
from probbound.sweeps.store import SweepStore
from probbound.sweeps.table import RESULTS, read_results
from tests.factories import copying_model
from tests.probbound.cli.test_report import CHROMIUM, Outline, _dom

PAGE = (Path(__file__).parents[3] / "docs" / "sweeps.md").read_text()
SECTION = PAGE[PAGE.index("### Own claims") : PAGE.index("## Picking the best")]
(CLAIMS,) = re.findall(r"```python\n(.*?)```", SECTION, flags=re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```", SECTION, flags=re.DOTALL)[0].splitlines()
SMALL = """
import probbound

def good(pairs):
    return pairs.sum(axis=1) % 10 != 3

A = probbound.Given(probbound.Product(40, 40), good, name="pairs")
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the page's commands make."""
    root = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        (root / "claims.py").write_text(CLAIMS)
        for command in COMMANDS:
            assert run(command.split()[1:]) == 0
    return root / "entries"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A network and an own claim, the file of which was altered once."""
    root = tmp_path_factory.mktemp("mixed")
    grid = SweepConfig(
        ("m",),
        ("brute-force", "iid"),
        claims=("accuracy", "a.py:A"),
        budgets=(30,),
        deltas=(1e-3,),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for text in (SMALL, SMALL.replace("3", "4")):
            (root / "a.py").write_text(text)
            run_sweep(grid, root / "s", models={"m": copying_model(0)})
        later = SweepConfig((), ("iid",), claims=("a.py:A",), budgets=(31,))
        Sweep.prepared(later, root / "s")
    return Report.of(SweepStore.open(root / "s").contents())


def test_the_page_tells_what_comes_out(shown):
    rows = read_results(shown / RESULTS).to_pylist()
    assert {row["status"] for row in rows} == {"certified"}
    assert len(rows) == 2 * 3 * 2 * 3
    for delta in (1e-3, 1e-6):
        worst = max(_bounds(rows, "cascade", 1_000, delta))
        assert worst < min(_bounds(rows, "iid", 10_000, delta))


def _bounds(rows, strategy, budget, delta):
    asked = {"strategy": strategy, "budget": budget, "delta": delta}
    return [r["failure_upper"] for r in rows if asked.items() <= r.items()]


def test_figures_are_named_after_the_claim_and_its_cost(shown):
    stems = {path.stem for path in (shown / "figures").iterdir()}
    views = ("frontier-looks", "frontier-seconds", "weighted-looks", "weighted-delta")
    assert stems == {f"{view}-claims.py-ENTRIES" for view in views}
    text = (shown / "report.md").read_text()
    for target in re.findall(r"\]\(([^)]*)\)", text):
        assert (shown / target).exists()


def test_tables_say_looks_and_nothing_of_networks(shown):
    report = Report.of(SweepStore.open(shown).contents())
    found = {block.title.partition(":")[0]: block for block in blocks(report)}
    assert "Models" not in found
    assert found["Best of each strategy"].columns == (
        *("strategy", "cells", "failed", "fails ≤", "δ", "weighted ≤", "guarantee"),
        *("draws", "looks", "cheap looks", "time"),
    )
    assert not {"model", "paths"} & set(found["All certificates"].columns)
    ((name, file, claim),) = found["Own claims"].lines
    assert name == "claims.py:ENTRIES"
    assert {len(file), len(claim)} == {64}
    (facet,) = report.facets
    for row in weighted_frontier(report.rows, facet.measure.terms.cost):
        beats = [r for r in report.rows if r["weighted_upper"] < row["weighted_upper"]]
        assert all(r["looks"] > row["looks"] for r in beats)


def test_the_page_draws_own_claims_against_looks(shown):
    data = json.loads(Outline((shown / "report.html").read_text()).data)
    assert [list(facet["across"]) for facet in data["facets"]] == [
        ["looks", "seconds", "delta_spent"]
    ]
    for row in data["rows"]:
        assert row["said"].startswith("failing share ≤ ")
        assert row["paid"] == f"{row['looks']:,} looks"
        assert row["flops"] is None


def test_own_claims_and_networks_share_no_table_and_no_figure(mixed):
    titles = [facet.title for facet in mixed.facets]
    digests = [facet.claim_sha256 for facet in mixed.facets if facet.is_own]
    assert len(set(digests)) == 2
    assert sorted(titles) == sorted(
        [*(f"failing share, a.py:A ({digest[:8]})" for digest in digests), "failure rate"]
    )
    for facet in mixed.facets:
        of = {"m"} if not facet.is_own else {""}
        assert {row["model"] for row in mixed.rows if facet.holds(row)} == of
        cost = "looks" if facet.is_own else "flops"
        assert [view.x for view in views_of(facet)] == [cost, "seconds", cost, "delta_spent"]
    assert list(mixed.networks) == ["m"]
    (missing,) = mixed.missing
    assert (missing["claim"], missing["budget"]) == ("a.py:A", 31)
    found = {block.title: block for block in blocks(mixed)}
    assert found["Models"].lines == [("m", mixed.networks["m"])]
    assert found["Not run yet"].columns == ("strategy", "budget", "δ", "seed", "claim")
    outline = Outline(page(mixed, "mixed"))
    assert outline.open == []
    assert len(json.loads(outline.data)["rows"]) == len(mixed.rows)


def test_what_was_seen_as_a_whole_is_told_as_certain(mixed):
    (facet, *_) = (facet for facet in mixed.facets if facet.is_own)
    (row,) = (r for r in mixed.rows if facet.holds(r) and r["strategy"] == "brute-force")
    assert row["guarantee"] == "deterministic"
    facts = dict(facet.measure.facts(row))
    assert facts["good share"] == f"≥ {facts['good for certain']}"
    assert facts["members"] == facts["looks"] == "1,600"


def test_the_sweep_itself_says_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(SMALL.replace("good(pairs):", "good(pairs):\n    1 / 0"))
    given = ["sweep", "--out", "s", "--claims", "a.py:A", "--strategies", "iid", "--budgets", "30"]
    assert run(given) == 0
    out = capsys.readouterr().out
    assert "Failing share, a.py:A" in out
    assert "failed: a.py:A, iid: ZeroDivisionError: division by zero" in out
    assert run([*given, "--json"]) == 0
    (failure,) = json.loads(capsys.readouterr().out)["failures"]
    assert (failure["model"], failure["claim"], failure["task"]) == ("", "a.py:A", "")


def test_facets_of_claims_of_one_name_are_told_apart():
    empty = dict.fromkeys(("task", "prior"), "") | {"at": None, "prior_sha256": None}
    rows = [empty | {"claim": "a.py:A", "claim_sha256": digit * 64} for digit in "01"]
    assert [facet.slug for facet in facets_of(rows)] == [
        "-a.py-A (00000000)",
        "-a.py-A (11111111)",
    ]


ACT = """
const press = (text) => [...document.querySelectorAll(".controls button")]
  .find((button) => button.textContent === text).click();
press("seconds"); press("none: own claims");
document.querySelector(".mark").dispatchEvent(new MouseEvent("mouseenter"));
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_own_claims_and_their_looks(mixed, tmp_path):
    text = page(mixed, "mixed")
    (tmp_path / "p.html").write_text(text.replace("</body>", f"<script>{ACT}</script></body>"))
    drawn = _dom(tmp_path / "p.html", tmp_path)
    assert re.search(r'class="card".*failing share ≤ \d.*<dt>looks</dt><dd>', drawn)
    assert "NaN" not in drawn
    assert "null" not in re.findall(r'class="card".*', drawn)[0]

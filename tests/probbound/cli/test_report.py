"""The report: self-contained, honest about failed and missing cells, the same every time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from probbound.cli.main import run
from probbound.cli.report.data import Report, best_by_strategy
from probbound.cli.report.tables import blocks
from probbound.sweeps.config import SweepConfig, read_toml
from probbound.sweeps.run import Sweep, run_sweep
from probbound.sweeps.store import SweepStore
from probbound.sweeps.table import RESULTS, read_results
from tests.factories import copying_model

NAME = "a<b>|&.c"
NETWORKS = {NAME: copying_model(0), "wide": copying_model(0, d_vocab=8, n_ctx=13)}
GRID = SweepConfig(
    (NAME, "wide"), ("brute-force", "iid", "hybrid"), ("own",), (5, 40), (1e-3,), seeds=(0, 1)
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with a failed cell and cells that were asked and not run, and its report."""
    out = tmp_path_factory.mktemp("sweeps") / "my sweep"
    run_sweep(GRID, out, models=NETWORKS)
    Sweep.prepared(SweepConfig(("wide",), ("cascade",)), out, models=NETWORKS)
    assert run(["report", str(out)]) == 0
    return out


class Outline(HTMLParser):
    """What a browser would load, and the text of the data script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.open: list[str] = []
        self.data = ""
        self.reading = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.references += [given[a] or "" for a in ("src", "href", "action") if a in given]
        self.reading = given.get("id") == "data"
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.reading = False

    def handle_data(self, data):
        if self.reading:
            self.data += data


def test_the_page_needs_nothing_from_outside(made):
    page = (made / "report.html").read_text()
    outline = Outline(page)
    assert outline.open == []
    assert all(reference.startswith("#") for reference in outline.references)
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/)", page)


def test_the_page_holds_every_certificate_and_no_markup_of_a_name(made):
    page = (made / "report.html").read_text()
    data = json.loads(Outline(page).data)
    certified = [r for r in read_results(made / RESULTS).to_pylist() if r["status"] == "certified"]
    assert {row["key"] for row in data["rows"]} == {row["key"] for row in certified}
    assert set(data["styles"]) == {"brute-force", "iid", "hybrid"}
    assert "a<b>" not in page
    assert "a&lt;b&gt;|&amp;.c" in page


@pytest.mark.parametrize("file", ["report.html", "report.md"])
def test_failed_and_missing_cells_are_counted_with_their_reason(made, file):
    text = (made / file).read_text()
    assert "brute force would run" in text
    assert "Failed cells" in text
    assert "Not run yet" in text
    assert re.search(r"failed</dt><dd class=\"bad\">1<|\*\*1 failed\*\*", text)


def test_markdown_and_html_show_the_same_tables(made):
    report = Report.of(SweepStore.open(made).contents())
    page, text = (made / "report.html").read_text(), (made / "report.md").read_text()
    titles = [block.title for block in blocks(report)]
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page)[:-1] == titles
    assert re.findall(r"^## (.*)$", text, flags=re.M)[:-1] == titles
    for target in re.findall(r"\]\(([^)]*)\)", text):
        assert (made / target).exists()


def test_figures_are_well_formed_and_named_after_models(made):
    figures = {path.name for path in (made / "figures").iterdir()}
    views = ("frontier-flops", "frontier-seconds", "weighted-flops", "weighted-delta")
    plain = {f"{view}-wide.{kind}" for view in views for kind in _KINDS}
    assert plain < figures
    assert len(figures) == 16
    assert all(re.fullmatch(r"[\w.-]+", name) for name in figures)
    for path in (made / "figures").glob("*.svg"):
        ElementTree.parse(path)


_KINDS = ("png", "svg")


def test_the_report_is_the_same_from_the_same_cells(made):
    files = [path for path in made.rglob("*") if path.suffix in (".html", ".md", ".png", ".svg")]
    before = {path: path.read_bytes() for path in files}
    (made / RESULTS).write_bytes(b"PAR1 half a table")
    assert run(["report", str(made)]) == 0
    assert {path: path.read_bytes() for path in files} == before
    assert len(read_results(made / RESULTS)) == 18


def test_the_best_of_each_strategy_is_the_lowest_bound(made):
    report = Report.of(SweepStore.open(made).contents())
    (facet,) = report.facets
    found = {(best.model, best.strategy): best for best in best_by_strategy(report, facet)}
    assert found["wide", "brute-force"].row is None
    assert (found["wide", "brute-force"].cells, found["wide", "brute-force"].failed) == (1, 1)
    for (model, strategy), best in found.items():
        bounds = [r["failure_upper"] for r in report.certified(model) if r["strategy"] == strategy]
        assert bounds == [] or (best.row and best.row["failure_upper"] == min(bounds))


def test_json_counts_what_the_page_shows(made, capsys):
    assert run(["report", str(made), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cells"], found["certified"], found["failed"], found["missing"]) == (18, 17, 1, 1)
    assert found["joint_delta"] == pytest.approx(sum(_spent(made)))
    assert all(Path(path).exists() for path in found["files"])


def _spent(out: Path) -> list[float]:
    return [x for x in read_results(out / RESULTS).column("delta_spent").to_pylist() if x]


def test_the_configuration_shown_asks_the_same_again(made, tmp_path):
    text = (made / "report.md").read_text()
    (toml,) = re.findall(r"```toml\n(.*?)```", text, flags=re.S)
    grids = [part for part in re.split(r"\n\n", toml.strip()) if part]
    assert len(grids) == 2
    for grid in grids:
        path = tmp_path / "grid.toml"
        path.write_text(grid)
        config = SweepConfig.from_mapping(read_toml(path), "it")
        assert config in [asked.config for asked in SweepStore.open(made).contents().asked]


@pytest.mark.parametrize("kind", ["missing", "empty", "foreign", "no cells", "damaged cell"])
def test_bad_directories_are_one_sentence(tmp_path, capsys, kind):
    out = tmp_path / "s"
    if kind in ("empty", "foreign"):
        out.mkdir()
    if kind == "foreign":
        (out / "thesis.tex").write_text("x")
    if kind in ("no cells", "damaged cell"):
        SweepStore.create(out)
    if kind == "damaged cell":
        (out / "cells" / f"{'0' * 64}.json").write_text("{")
    before = sorted(out.rglob("*"))
    assert run(["report", str(out)]) == 2
    *warnings, last = capsys.readouterr().err.splitlines()
    assert last.startswith("error: ")
    assert len(warnings) == (kind == "damaged cell")
    assert sorted(out.rglob("*")) == before


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ACT = """
const buttons = () => [...document.querySelectorAll(".controls button")];
const press = (text) => buttons().find((button) => button.textContent === text).click();
press("wide"); press("forward passes");
document.querySelector(".mark").dispatchEvent(new MouseEvent("mouseenter"));
"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_draws_every_mark_and_shows_a_card(made, tmp_path):
    page = (made / "report.html").read_text()
    (tmp_path / "acted.html").write_text(page.replace("</body>", f"<script>{ACT}</script></body>"))
    rows = json.loads(Outline(page).data)["rows"]
    drawn = _dom(made / "report.html", tmp_path)
    assert drawn.count('class="mark"') == sum(row["model"] == NAME for row in rows)
    acted = _dom(tmp_path / "acted.html", tmp_path)
    run_by_model = [row for row in rows if row["model"] == "wide" and row["samples"]]
    assert acted.count('class="mark"') == len(run_by_model)
    assert re.search(r'class="card".*failure rate ≤ \d', acted)


def _dom(page: Path, profile: Path) -> str:
    quiet = "headless no-sandbox disable-gpu disable-quic no-first-run disable-sync "
    quiet += "disable-background-networking disable-component-update virtual-time-budget=2000"
    options = [f"--{option}" for option in quiet.split()]
    command = [str(CHROMIUM), *options, f"--user-data-dir={profile}/profile", "--dump-dom"]
    return subprocess.run([*command, page.as_uri()], capture_output=True, text=True).stdout

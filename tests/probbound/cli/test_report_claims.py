"""Reports of several claims and priors: nothing of two units shares a table or an axis."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from probbound.arithmetic.decimals import upper
from probbound.cli.facets import Facet, facets_of
from probbound.cli.main import run
from probbound.cli.report.data import Report, best_by_strategy, weighted_frontier
from probbound.cli.report.page import page
from probbound.cli.report.plots import View, frontiers, views_of
from probbound.cli.report.tables import blocks
from probbound.draws.priors import Prior
from probbound.models.store import save_model
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.run import run_sweep
from probbound.sweeps.store import SweepStore
from tests.factories import copying_model

VIEWS = views_of(Facet("max-of-k", "accuracy", None, "uniform", None))
NETWORKS = {"m": copying_model(0)}
PRIORS = {"a b": Prior((1, 2, 4, 8, 16, 32))}
GRID = SweepConfig(
    ("m",),
    ("brute-force", "cubic", "iid", "hybrid"),
    budgets=(10, 40),
    deltas=(1e-2, 1e-4),
    claims=("accuracy", "margin:0.5", "margin:1", "loss"),
    priors=("uniform", "a b"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("claims") / "s"
    run_sweep(GRID, out, models=NETWORKS, priors=PRIORS)
    return Report.of(SweepStore.open(out).contents())


@pytest.fixture
def drawn(monkeypatch):
    """The figures by name as they are drawn, and none written: that takes seconds for each."""
    found: dict[str, Figure] = {}

    def keep(figure: Figure, stem: Path) -> tuple[Path, Path]:
        found[stem.name] = figure
        pyplot.close(figure)
        return stem, stem

    monkeypatch.setattr("probbound.cli.report.plots.save", keep)
    return found


def test_facets_part_the_rows_by_claim_and_prior(made):
    assert [facet.title for facet in made.facets] == [
        *("failure rate, prior a b", "failure rate", "mean loss, prior a b", "mean loss"),
        *("share with a margin ≤ 0.5, prior a b", "share with a margin ≤ 0.5"),
        *("share with a margin ≤ 1, prior a b", "share with a margin ≤ 1"),
    ]
    for row in made.rows:
        assert sum(facet.holds(row) for facet in made.facets) == 1


def test_two_priors_of_one_name_are_told_apart():
    parts = {"task": "max-of-k", "claim": "accuracy", "at": None, "prior": "p.txt"}
    rows = [parts | {"prior_sha256": digit * 64} for digit in "01"]
    assert [facet.title for facet in facets_of(rows)] == [
        "failure rate, prior p.txt (00000000)",
        "failure rate, prior p.txt (11111111)",
    ]
    assert facets_of(rows[:1])[0].title == "failure rate, prior p.txt"


def test_two_models_of_one_name_are_told_apart(drawn, tmp_path):
    """A store may be asked again after a model was trained anew."""
    grid = SweepConfig(("m",), ("cubic",))
    for seed in range(2):
        run_sweep(grid, tmp_path / "s", models={"m": copying_model(seed)})
    report = Report.of(SweepStore.open(tmp_path / "s").contents())
    assert len(report.models) == 2
    for name, sha256 in report.models.items():
        assert name == f"m ({sha256[:8]})"
        assert {row["model_sha256"] for row in report.certified(name)} == {sha256}
    frontiers(report, tmp_path)
    assert len(drawn) == 2 * 2


def test_every_figure_is_of_one_facet(made, drawn, tmp_path):
    figures = frontiers(made, tmp_path)
    ends = ["", "-margin-0.5", "-margin-1", "-loss"]
    digest = PRIORS["a b"].sha256[:8]
    ends += [f"{end}-a_b-{digest}" for end in ends]
    assert set(drawn) == {f"{view.stem}-m{end}" for view in VIEWS for end in ends}
    assert len(figures) == len(drawn) == len(VIEWS) * len(made.facets)
    for facet in made.facets:
        for view in VIEWS:
            (figure,) = (f for f in figures if f.shows == _shows(facet, view))
            marks = [
                (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
                for axes in drawn[figure.png.name].axes
                for line in axes.lines
                if line.get_marker() not in ("None", "")
            ]
            column = "weighted_upper" if view.weighted else facet.measure.column
            rows = made.certified("m", facet)
            places = {(row[view.x], row[column]) for row in rows if row[view.x]}
            assert places <= set(marks)
            assert {y for _, y in marks} == {row[column] for row in rows}


def _shows(facet: Facet, view: View) -> str:
    weighted = "confidence-weighted " if view.weighted else ""
    return f"m: {weighted}{facet.title} against {view.title}"


def test_deterministic_and_other_bounds_share_a_panel_of_the_weighted_axis(made, drawn, tmp_path):
    frontiers(made, tmp_path)
    for name, figure in drawn.items():
        panels = 1 if name.startswith("weighted") else 2
        assert len([axes for axes in figure.axes if axes.axison]) == panels
        kind, unit = figure.get_supylabel(), "(nats)" if "-loss" in name else "of all inputs)"
        assert kind.endswith(unit)
        assert kind.startswith("confidence-weighted" if panels == 1 else "certified")


def test_every_table_of_bounds_is_of_one_facet(made):
    shown = {block.title: block for block in blocks(made)}
    heads = {"loss": "loss ≤ (nats)", "accuracy": "wrong ≤", "margin": "share ≤"}
    for facet in made.facets:
        block = shown[f"Best of each strategy: {facet.title}"]
        at = block.columns.index(heads[facet.claim])
        found = {best.strategy: best.row for best in best_by_strategy(made, facet)}
        assert len(block.lines) == len(found) == 4
        for line in block.lines:
            row = found[line[1]]
            assert row is not None
            assert facet.holds(row)
            assert line[at] == facet.measure.shown(row, row[facet.measure.column])
            assert line[block.columns.index("weighted ≤")] == facet.measure.shown(
                row, row["weighted_upper"]
            )


def test_the_frontier_on_the_weighted_axis_is_what_no_cell_beats(made):
    for facet in made.facets:
        rows = made.certified("m", facet)
        kept = weighted_frontier(rows)
        assert {row["guarantee"] for row in rows} == {"deterministic", "high-probability"}
        for row in rows:
            beaten = [
                other["flops"] <= row["flops"]
                and other["weighted_upper"] <= row["weighted_upper"]
                and (other["flops"], other["weighted_upper"])
                != (row["flops"], row["weighted_upper"])
                for other in rows
            ]
            place = (row["flops"], row["weighted_upper"])
            on_it = place in {(other["flops"], other["weighted_upper"]) for other in kept}
            assert on_it == (not any(beaten))


def test_a_sweep_of_proofs_alone_has_nothing_to_weigh(drawn, tmp_path):
    grid = SweepConfig(("m",), ("cubic", "brute-force"), claims=("loss",))
    run_sweep(grid, tmp_path / "s", models=NETWORKS)
    report = Report.of(SweepStore.open(tmp_path / "s").contents())
    frontiers(report, tmp_path)
    assert set(drawn) == {"frontier-flops-m-loss", "frontier-seconds-m-loss"}
    assert not any("Frontier of" in block.title for block in blocks(report))


def test_the_page_gives_each_mark_its_facet_and_both_bounds(made):
    text, report = page(made, "it"), made
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    data = json.loads(found[1])
    assert [facet["title"] for facet in data["facets"]] == [f.title for f in report.facets]
    rows = {row["key"]: row for row in report.rows}
    assert len(data["rows"]) == len(rows)
    for drawn in data["rows"]:
        row, facet = rows[drawn["key"]], report.facets[drawn["facet"]]
        assert facet.holds(row)
        assert drawn["claimed"] == row[facet.measure.column]
        assert drawn["weighted"] == row["weighted_upper"] >= drawn["claimed"]
        if facet.claim == "loss":
            assert drawn["guess"] == math.log(6)
            assert drawn["said"] in (
                f"mean loss ≤ {upper(row['bound'])} nats",
                "says nothing of the mean loss",
            )


def test_failed_and_missing_cells_say_what_they_are_about(tmp_path):
    wide = {"wide": copying_model(0, d_vocab=8, n_ctx=13)}
    grid = SweepConfig(("wide",), ("brute-force",), claims=("loss", "margin:0.5"))
    run_sweep(grid, tmp_path / "s", models=wide)
    (block,) = blocks(Report.of(SweepStore.open(tmp_path / "s").contents()))[2:3]
    assert block.title == "Failed cells"
    assert [dict(zip(block.columns, line, strict=True))["claim"] for line in block.lines] == [
        *("loss", "margin 0.5")
    ]


def test_the_summary_of_a_sweep_has_a_table_for_each_facet(tmp_path, capsys):
    save_model(NETWORKS["m"], tmp_path / "m.safetensors")
    given = ["--models", str(tmp_path / "m.safetensors"), "--strategies", "cubic,iid"]
    given += ["--budgets", "40", "--claims", "loss,margin:0.5,accuracy"]
    assert run(["sweep", "--out", str(tmp_path / "s"), *given]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    heads = ["Failure rate", "Mean loss in nats", "Share with a margin ≤ 0.5"]
    assert [line for line in lines if line in heads] == heads


@pytest.mark.parametrize("value", [0.0121, 4.2])
def test_a_loss_is_rounded_up_and_the_largest_says_nothing(value):
    facet = Facet("max-of-k", "loss", None, "uniform", None)
    row = {"bound": value, "largest_loss": 77.5, "loss_upper": 77.5}
    assert float(facet.measure.shown(row, value)) >= value
    assert facet.measure.shown(row, 77.5) == "says nothing"


def test_the_figures_in_the_documentation_are_there():
    text = Path(__file__).parents[3] / "docs" / "sweeps.md"
    targets = re.findall(r"!\[.*?\]\((.*?)\)", text.read_text())
    assert targets == ["img/own_claim_frontier.png", "img/weighted_frontier.png"]
    assert all((text.parent / target).exists() for target in targets)

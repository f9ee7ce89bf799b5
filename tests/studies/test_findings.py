"""The committed findings: every study is there, from the committed configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studies.study import NAMES, study_named

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", NAMES)
def test_every_study_has_its_files_and_its_section(name):
    for kind in ("csv", "md", "png", "svg"):
        assert (DOCS / "studies" / f"{name}.{kind}").stat().st_size > 0
    page = (DOCS / "studies" / f"{name}.md").read_text()
    assert study_named(name).question.strip() in page
    assert f"from the table `[{name}]` of `full.toml`" in page
    findings = (DOCS / "findings.md").read_text()
    assert f"(studies/{name}.png)" in findings
    assert f"(studies/{name}.md)" in findings


def test_all_studies_together_took_less_than_an_hour():
    pages = [(DOCS / "studies" / f"{name}.md").read_text() for name in NAMES]
    took = [int(re.findall(r"measured in\s+(\d+) s", page)[0]) for page in pages]
    assert sum(took) < 3600

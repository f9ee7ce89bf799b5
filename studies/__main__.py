"""`python -m studies`: measure, draw and write up the studies."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from probbound.cli.output import seconds, stderr, stdout
from probbound.cli.status import status_of
from probbound.machine.errors import UserError
from studies.study import NAMES
from studies.write_up import CONFIGURATIONS, FULL, QUICK, run_study


@click.command()
@click.argument("names", nargs=-1)
@click.option("--quick", is_flag=True, help="The small grids of quick.toml, in seconds.")
@click.option("--config", type=Path, help="Another configuration than the committed one.")
@click.option("--out", type=Path, default=Path("build/studies"), show_default=True)
@click.option("--work", type=Path, default=Path("build/studies-work"), show_default=True)
def studies(
    names: tuple[str, ...], quick: bool, config: Path | None, out: Path, work: Path
) -> None:
    """Run the studies NAMES, or all of them, and write figure, rows and text of each to --out.

    What an interrupted study had finished is kept in --work and taken up by the next run.
    """
    if quick and config is not None:
        raise UserError("give --quick or --config, not both")
    configuration = config or CONFIGURATIONS / (QUICK if quick else FULL)
    for name in names or NAMES:
        stderr.print(f"{name} …", highlight=False)
        took = run_study(name, configuration, out, work)
        stdout.print(f"{out / name}.md in {seconds(took)}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(status_of(studies, sys.argv[1:], "python -m studies"))

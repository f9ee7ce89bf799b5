"""`probbound show`: a certificate as a page of Markdown."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from probbound.cli.kinds import kind_of, loaded
from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, print_json


@click.command()
@click.argument("certificate", type=Path)
@as_json_option
def show(certificate: Path, as_json: bool) -> None:
    """Print CERTIFICATE as Markdown fit for a model card. It is not checked: `verify` does that."""
    with loading():
        from probbound.certificates.format import read_certificate

    predicate = read_certificate(certificate)
    page = loaded(kind_of(predicate).page)
    if as_json:
        print_json({"markdown": page(predicate)})
    else:
        sys.stdout.write(page(predicate))

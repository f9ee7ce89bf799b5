"""The cells as a table: one row each, with the columns that `docs/sweeps.md` documents."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probbound.certificates.weighted import weighted_upper
from probbound.machine.errors import UserError
from probbound.machine.files import write_atomically
from probbound.sweeps.cells import Cell, Record
from probbound.sweeps.claims import claim_named
from probbound.sweeps.own_columns import own_columns
from probbound.tasks.registry import room_named

RESULTS = "results.parquet"
_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
SCHEMA = pa.schema(
    [
        ("key", _TEXT),
        ("model", _TEXT),
        ("model_sha256", _TEXT),
        ("task", _TEXT),
        ("claim", _TEXT),
        ("at", _REAL),
        ("prior", _TEXT),
        ("prior_sha256", _TEXT),
        ("claim_sha256", _TEXT),
        ("file_sha256", _TEXT),
        ("data", _TEXT),
        ("against", _TEXT),
        ("arithmetic", _TEXT),
        ("inputs_sha256", _TEXT),
        ("strategy", _TEXT),
        ("budget", _WHOLE),
        ("delta", _REAL),
        ("paths", _TEXT),
        ("seed", _WHOLE),
        ("status", _TEXT),
        ("reason", _TEXT),
        ("d_vocab", _WHOLE),
        ("n_ctx", _WHOLE),
        ("population", _REAL),
        ("answers", _WHOLE),
        ("bound", _REAL),
        ("failure_upper", _REAL),
        ("guarantee", _TEXT),
        ("delta_spent", _REAL),
        ("confidence_weighted", _REAL),
        ("weighted_upper", _REAL),
        ("chosen", _TEXT),
        ("certified_mass", _REAL),
        ("loss_upper", _REAL),
        ("largest_loss", _REAL),
        ("draws", _WHOLE),
        ("samples", _WHOLE),
        ("failures", _WHOLE),
        ("looks", _WHOLE),
        ("cheap_looks", _WHOLE),
        ("mean_loss", _REAL),
        ("proof_flops", _REAL),
        ("sampling_flops", _REAL),
        ("flops", _REAL),
        ("seconds", _REAL),
        ("wall_seconds", _REAL),
    ]
)


def asked_of(cell: Cell) -> dict[str, Any]:
    """What was asked, by the columns of the table."""
    claim = (cell.claim, None) if cell.is_own else astuple(claim_named(cell.claim))
    return {
        "key": cell.key,
        "model": cell.model,
        "model_sha256": cell.model_sha256,
        "task": cell.task,
        **dict(zip(("claim", "at"), claim, strict=True)),
        "prior": cell.prior,
        "prior_sha256": cell.prior_sha256,
        "claim_sha256": cell.claim_sha256,
        "file_sha256": cell.file_sha256,
        "data": cell.data,
        "against": cell.against,
        "arithmetic": cell.arithmetic,
        "inputs_sha256": cell.inputs_sha256,
        "strategy": cell.strategy,
        "budget": cell.budget,
        "delta": cell.delta,
        "paths": cell.paths,
        "seed": cell.seed,
    }


def row_of(record: Record) -> dict[str, Any]:
    """The row of a cell; what a failed cell has no value for is None."""
    asked = {
        **asked_of(record.cell),
        "status": record.status,
        "reason": record.reason,
        "wall_seconds": record.seconds,
    }
    found = {} if record.certificate is None else _found(record.cell, record.certificate)
    return {name: (asked | found).get(name) for name in SCHEMA.names}


def _found(cell: Cell, certificate: Mapping[str, Any]) -> dict[str, Any]:
    """What its certificate says of a cell."""
    if cell.is_own:
        return own_columns(certificate)
    of_inputs = _of_task if cell.inputs_sha256 is None else _of_brought
    return {**_certified(certificate), **of_inputs(certificate)}


def _of_task(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """The right answers that there are, where the task says it of its own inputs."""
    claim = certificate["claim"]
    return {"answers": room_named(claim["task"]).stated(claim["population"]).answers}


def _of_brought(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """How many of the inputs that were brought were looked at: all, where they were listed."""
    if certificate["levels"][-1]["mode"] == "enumerated":
        return {"looks": certificate["claim"]["population"]["size"]}
    return {"looks": certificate["sampling"]["samples"]}


def _certified(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """With `versions_of` and `own_columns`, the one place that reads a certificate."""
    claim, proof, sampling, cost = (
        certificate[name] for name in ("claim", "proof", "sampling", "cost")
    )
    population = claim["population"]
    plain = ("bound", "failure_upper", "guarantee", "confidence_weighted", "chosen")
    return {
        **{name: certificate[name] for name in plain},
        "d_vocab": population.get("d_vocab"),
        "n_ctx": population.get("n_ctx"),
        "population": _as_double(population["size"]),
        "delta_spent": float(certificate["delta"]),
        "weighted_upper": weighted_upper(certificate),
        "certified_mass": proof["certified_mass"],
        "loss_upper": proof["loss_upper"],
        "largest_loss": proof["largest_loss"],
        "draws": sampling["draws"],
        "samples": sampling["samples"],
        "failures": sampling["failures"],
        "mean_loss": sampling["mean_loss"],
        "proof_flops": float(proof["flops"]),
        "sampling_flops": float(sampling["flops"]),
        "flops": float(cost["flops"]),
        "seconds": float(cost["seconds"]),
    }


def _as_double(number: int | None) -> float | None:
    """Rounded, to infinity where it is beyond all floats; None where nobody has counted."""
    if number is None:
        return None
    try:
        return float(number)
    except OverflowError:
        return math.inf


def versions_of(record: Record) -> dict[str, str]:
    """Versions of what a certificate's numbers could depend on; none of a failed cell."""
    return {} if record.certificate is None else dict(record.certificate["versions"])


def table_of(records: Iterable[Record]) -> pa.Table:
    """The rows of all cells, sorted by question, so that the order of arrival does not show."""
    rows = sorted((row_of(record) for record in records), key=_question)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _question(row: dict[str, Any]) -> tuple:
    settings = [-1.0 if row[name] is None else row[name] for name in ("delta", "budget", "seed")]
    at = -math.inf if row["at"] is None else row["at"]
    about = (row["task"], row["claim"], at, row["prior"], row["prior_sha256"] or "")
    about += (row["claim_sha256"] or "", row["file_sha256"] or "")
    about += tuple(row[name] or "" for name in ("data", "against", "arithmetic", "inputs_sha256"))
    return (row["model"], *about, row["strategy"], row["paths"] or "", *settings, row["key"])


def write_results(table: pa.Table, root: Path) -> Path:
    """Write `results.parquet`, in one piece or not at all."""
    path, buffer = root / RESULTS, io.BytesIO()
    pq.write_table(table, buffer)
    write_atomically(path, buffer.getvalue())
    return path


def read_results(path: Path) -> pa.Table:
    """A table that `write_results` wrote.

    Raises:
        UserError: if the file is missing, damaged, or has other columns.
    """
    remedy = f"`probbound report {path.parent}` makes it anew from the cells"
    try:
        found = pq.read_table(path)
    except FileNotFoundError as error:
        raise UserError(f"there is no table {path}; {remedy}") from error
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is damaged; {remedy}") from error
    if found.schema.names != SCHEMA.names:
        raise UserError(f"{path} does not have the columns of a sweep; {remedy}")
    return found


@dataclass(frozen=True)
class Summary:
    """Counts over a table. All certificates hold at once, except with probability `joint_delta`.

    That is the sum of what they spent (a union bound): it is also the δ of the best of them, if
    the best was chosen after a look at all.
    """

    cells: int
    certified: int
    failed: int
    joint_delta: float

    @classmethod
    def of(cls, table: pa.Table) -> Summary:
        """Counts of the table's rows."""
        statuses = table.column("status").to_pylist()
        spent = [delta for delta in table.column("delta_spent").to_pylist() if delta is not None]
        certified = statuses.count("certified")
        joint = min(1.0, math.fsum(spent))
        return cls(len(statuses), certified, len(statuses) - certified, joint)

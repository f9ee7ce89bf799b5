"""A sweep from beginning to end: what is asked, what is there already, the rest, the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from probbound.contract.networks import Network
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.machine.progress import counting
from probbound.models.registry import load
from probbound.models.store import digest, renamed
from probbound.sweeps.about import About, AboutBrought, AboutNetwork
from probbound.sweeps.brought import KnownInputs, Tasks, altered, read_brought
from probbound.sweeps.cells import Cell, Record
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.local import Backend, Job, in_process
from probbound.sweeps.meaning import left_out, require_meaning
from probbound.sweeps.own_claims import AboutOwnClaim, read_own_claims
from probbound.sweeps.priors import Priors, read_priors
from probbound.sweeps.store import Asked, Contents, DamagedCell, SweepStore
from probbound.sweeps.table import table_of, write_results


def run_sweep(
    config: SweepConfig,
    out: Path | str,
    *,
    models: Mapping[str, Network] | None = None,
    priors: Mapping[str, Prior] | None = None,
    backend: Backend = in_process,
    retry_failed: bool = False,
) -> pa.Table:
    """Certify every cell of a grid that `out` does not hold yet; the rows of the whole grid.

    `models` and `priors` give networks and priors by the names that the grid uses; others are
    loaded. A cell that failed before stays failed unless `retry_failed`. The columns are those of
    `docs/sweeps.md`.

    Raises:
        UserError: on anything that cannot be used; what was finished is kept.
    """
    sweep = Sweep.prepared(
        config, Path(out), models=models, priors=priors, retry_failed=retry_failed
    )
    return sweep.run(backend).table


@dataclass(frozen=True)
class Swept:
    """How many cells were run, the rows of the grid, and all that the store holds now."""

    ran: int
    table: pa.Table
    contents: Contents


@dataclass(frozen=True)
class Sweep:
    """A grid, its models, priors and own claims by name, the store as found, and what is to run.

    `tasks` are those of brought inputs by digest. `left_out` are the combinations that have no
    meaning and are no cells, and why; `changed` says which inputs are others than an earlier sweep
    of the store had by the same names.
    """

    store: SweepStore
    found: Contents
    models: Mapping[str, Network]
    priors: Priors
    own: Mapping[str, AboutOwnClaim]
    tasks: Tasks
    left_out: Mapping[Cell, str]
    changed: tuple[str, ...]
    cells: tuple[Cell, ...]
    pending: tuple[Cell, ...]
    retry_failed: bool

    @classmethod
    def prepared(
        cls,
        config: SweepConfig,
        out: Path,
        *,
        models: Mapping[str, Network] | None = None,
        priors: Mapping[str, Prior] | None = None,
        retry_failed: bool = False,
    ) -> Sweep:
        """Everything is checked, the store is open and knows the grid; nothing has been run.

        Raises:
            UserError: if a model, a prior, an own claim, a file or the directory cannot be used, or
                a value of the grid has no meaning with any other.
        """
        config, own = read_own_claims(config)
        loaded = _loaded(config, models or {})
        config, read = read_priors(config, loaded, priors or {})
        config, inputs, tasks = read_brought(replace(config, models=tuple(loaded)), loaded)
        asked = _asked(config, loaded, read, own, inputs)
        about = (asked.config, asked.digests, asked.priors, asked.own, asked.inputs)
        require_meaning(*about)
        store = SweepStore.create(out)
        store.remember(asked)
        cells, found = tuple(asked.cells), store.contents()
        without = left_out(*about)
        pending = tuple(
            cell for cell in cells if not _answers(found.records.get(cell.key), retry_failed)
        )
        for cell in pending:
            if cell.key in found.damaged:
                store.require_room(cell)
        changed = tuple(_changed(asked, found, pending))
        return cls(
            *(store, found, loaded, read, own, tasks),
            *(without, changed, cells, pending, retry_failed),
        )

    def run(self, backend: Backend = in_process) -> Swept:
        """Certify the pending cells, each kept as soon as it is finished.

        Of a store that has seen other grids the table is of this one, `results.parquet` of all.
        """
        ran = 0
        known = dict(self.found.records)
        with counting(len(self.pending), "sweeping") as advance:
            for record in backend(self._jobs(advance)):
                self.store.write(record)
                known[record.cell.key] = record
                ran += 1
                advance()
        contents = self.store.contents(known.values())
        write_results(table_of(contents.records.values()), self.store.root)
        own = (contents.records.get(cell.key) for cell in self.cells)
        return Swept(ran, table_of(record for record in own if record is not None), contents)

    def _jobs(self, advance: Callable[[], None]) -> Iterator[Job]:
        """Pending cells, but those that another sweep of the same store finished meanwhile."""
        for cell in self.pending:
            if _is_there(self.store, cell, self.retry_failed):
                advance()
            else:
                yield cell, self._about(cell)

    def _about(self, cell: Cell) -> About:
        if cell.is_own:
            return self.own[cell.claim]
        if cell.inputs_sha256 is not None:
            return AboutBrought(self.models[cell.model], self.tasks[cell.inputs_sha256])
        prior = self.priors.get(cell.prior, {}).get(cell.model)
        return AboutNetwork(self.models[cell.model], prior)


def _asked(
    config: SweepConfig,
    models: Mapping[str, Network],
    priors: Priors,
    own: Mapping[str, AboutOwnClaim],
    inputs: KnownInputs,
) -> Asked:
    """The grid by the names of its models and priors, with the digests of all that it is about."""
    laws = {
        name: {model: prior.sha256 for model, prior in fitting.items()}
        for name, fitting in priors.items()
    }
    digests = {name: digest(model) for name, model in models.items()}
    claims = {name: about.digests for name, about in own.items()}
    return Asked(config, digests, laws, claims, inputs)


def _changed(asked: Asked, found: Contents, pending: tuple[Cell, ...]) -> Iterator[str]:
    """A sentence for what is to run by the names of an earlier sweep and is something else."""
    to_run = {cell.inputs_sha256 for cell in pending}
    others = {w: i for before in found.asked for w, i in altered(asked.inputs, before.inputs)}
    for wanted, inputs in others.items():
        if inputs.sha256 in to_run:
            yield (
                f"{wanted.words} is not what an earlier sweep of this directory read; its cells "
                "are run anew, and those of before stay under their own digest"
            )


def _loaded(config: SweepConfig, given: Mapping[str, Network]) -> dict[str, Network]:
    loaded: dict[str, Network] = {}
    for asked in config.models:
        model = renamed(given[asked], asked) if asked in given else load(asked)
        if model.name in loaded and digest(model) != digest(loaded[model.name]):
            raise UserError(f"two of the models are called {model.name}; rename one of the files")
        loaded[model.name] = model
    return loaded


def _is_there(store: SweepStore, cell: Cell, retry_failed: bool) -> bool:
    """Whether the store answers the cell by now; a damaged file does not, and is written anew."""
    try:
        return _answers(store.record(cell.key), retry_failed)
    except DamagedCell:
        return False


def _answers(found: Record | None, retry_failed: bool) -> bool:
    return found is not None and not (retry_failed and found.status == "failed")

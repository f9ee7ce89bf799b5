"""Whether networks read rows, and can answer them."""

from __future__ import annotations

from dataclasses import dataclass

from probbound.contract.residue import Tickets
from probbound.machine.errors import UserError
from probbound.models.transformer.network import GeneralTransformer
from probbound.strategies.levels import Source
from probbound.tasks.next_token.task import NextToken


def require_fitting(model: GeneralTransformer, task: NextToken) -> None:
    """Refuse rows that the networks do not read, or answers that they cannot give.

    Raises:
        UserError: naming both.
    """
    for each in (model, *([task.against] if task.against is not None else [])):
        length = task.rows.length - 1
        if length > each.n_ctx:
            raise UserError(f"rows have {length} tokens to read, {each.name} reads {each.n_ctx}")
    _require_known(model, task, *task.rows.reach)
    if task.against is not None and task.against.d_vocab_out != model.d_vocab_out:
        raise UserError(
            f"{model.name} has {model.d_vocab_out} answers and {task.against.name} "
            f"{task.against.d_vocab_out}; they cannot be the same"
        )


@dataclass(frozen=True)
class Known:
    """Rows of a source, none of which holds a token that the networks do not know."""

    source: Source
    model: GeneralTransformer
    task: NextToken

    @property
    def chunk(self) -> int:
        """How many are looked at together."""
        return self.source.chunk

    def tickets(self, start: int, stop: int) -> Tickets:
        """Those number `start` to `stop` - 1.

        Raises:
            UserError: if one holds such a token.
        """
        found = self.source.tickets(start, stop)
        rows = found.genuine
        if len(rows):
            read, last = int(rows[:, :-1].max()), int(rows[:, -1].max())
            _require_known(self.model, self.task, read, last)
        return found

    def flops(self, number: int) -> int:
        """Operations of finding so many."""
        return self.source.flops(number)


def _require_known(model: GeneralTransformer, task: NextToken, read: int, last: int) -> None:
    for each in (model, *([task.against] if task.against is not None else [])):
        if read >= each.d_vocab:
            raise UserError(f"the rows hold token {read}, {each.name} has {each.d_vocab}")
    if task.against is None and last >= model.d_vocab_out:
        raise UserError(
            f"the rows end in token {last}, and {model.name} answers with one of "
            f"{model.d_vocab_out}"
        )

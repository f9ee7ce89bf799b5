"""A network's room as everybody outside sees it: one object that its `room.py` ends in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from jaxtyping import Float, Int

from probbound.contract.networks import Network
from probbound.models.files import Held
from probbound.models.imported import Imported

N = TypeVar("N", bound=Network)


@dataclass(frozen=True)
class NetworkRoom(Generic[N]):
    """What a kind of network brings: how it is read, identified, run.

    `recognises` tells by the names of a file's arrays that they are of this kind, where the file
    does not say so. `build` makes the network of a file's arrays and of what is said beside them,
    named after the file, or refuses it by name. `arrays` are its weights by name, `file_names`
    those names that differ in files, and `preamble` what else makes it another network: a line of
    its digest. `configuration` is what a file of it says beside the weights. `parts` is the network
    as it stands in a claim, and `notice` what whoever certifies it has to be told, "" if nothing.
    `flops` are the operations of one answer. `logits` are those for rows of tokens, every operation
    in a float type; `sizes` says how many tokens a row has, of how many, and how many answers there
    are. `imported` finds it in another framework's file, None if no framework has it, and
    `speaks_of` tells that it will; where none does, the usual kind says what is wrong.
    `speaks_if_asked` tells that it will where this kind is asked for by name, though another one
    speaks of it.
    """

    kind: str
    recognises: Callable[[Collection[str]], bool]
    build: Callable[[Held, Path], N]
    preamble: Callable[[N], str]
    arrays: Callable[[N], dict[str, np.ndarray]]
    configuration: Callable[[N], dict[str, Any]]
    parts: Callable[[N], dict[str, Any]]
    notice: Callable[[N], str]
    flops: Callable[[N], int]
    logits: Callable[[N, Int[np.ndarray, "n k"], type], Float[np.ndarray, "n answers"]]
    sizes: Callable[[N], Sizes]
    file_names: Mapping[str, str] = field(default_factory=dict)
    imported: Callable[[Any, Path, str | None, str | None], Imported[N]] | None = None
    speaks_of: Callable[[Any, str | None, str | None], bool] = lambda *_: False
    speaks_if_asked: Callable[[Any, str | None, str | None], bool] = lambda *_: False


@dataclass(frozen=True)
class Sizes:
    """Tokens of a row, or the most where it may be `shorter`, how many there are, and answers."""

    length: int
    tokens: int
    answers: int
    shorter: bool = False

    def reads(self, length: int) -> bool:
        """Whether rows of so many tokens are read."""
        return 1 <= length <= self.length if self.shorter else length == self.length

    @classmethod
    def of(cls, model: Any) -> Sizes:
        """Of a network that calls them n_ctx, d_vocab and d_vocab_out."""
        return cls(model.n_ctx, model.d_vocab, model.d_vocab_out)

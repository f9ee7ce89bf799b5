"""A task's room as everybody outside sees it: one object that its `room.py` ends in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.contract.networks import Network
from probbound.contract.recipe import Recipe
from probbound.contract.tasks import Task
from probbound.draws.priors import Prior
from probbound.planning.foretold import Foretold, Wish
from probbound.strategies.outcome import Outcome
from probbound.tasks.given import Given


class Asked(Protocol):
    """A question of any task: what the certificate says of it."""

    @property
    def model(self) -> Network:
        """The network."""
        ...

    @property
    def task(self) -> Any:
        """The inputs and their answers."""
        ...

    @property
    def claim(self) -> Claim:
        """What is bounded."""
        ...

    @property
    def budget(self) -> int:
        """Forward passes allowed."""
        ...

    @property
    def delta(self) -> float:
        """The δ allowed."""
        ...

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""
        ...

    @property
    def budget_flops(self) -> float | None:
        """Operations that a plan may spend, None where nothing is planned."""
        ...


@dataclass(frozen=True)
class Uses:
    """What a strategy, or what is planned in its place, has a use for.

    `chance`: δ and a seed; `inputs`: a budget of inputs; `settings`: those by name.
    """

    chance: bool
    inputs: bool
    settings: frozenset[str]


@dataclass(frozen=True)
class NoiseSize:
    """The noise of a network that `entries` draws from.

    `entries` is how many it has, and `flops` the operations of multiplying all of them out.
    """

    entries: int
    flops: int


Q = TypeVar("Q", bound=Asked)


@dataclass(frozen=True)
class Room(Generic[Q]):
    """What a task brings: its inputs, its questions, and how they are answered.

    `arithmetic` says how its numbers are computed, and where it is proved what that does to them.
    `task_for` makes the task of a model's own inputs (or of what stands behind a colon of the
    task's name, as in group-product:s5), and `stated` that of a claim's. `asked` makes a question
    of a network, inputs, a claim, a strategy and what is given beside, or refuses it in a sentence;
    `recipe` says what a strategy runs for it, and `one_claim` gives every form of a claim the same
    JSON. `decided` puts a plan in the place of "auto", `answer` runs the strategy of a name, and
    `foretold` predicts what each would give, None where nothing does. `uses` says what a strategy
    has a use for, `require_way_to` refuses a claim or a prior that it cannot bound, and
    `with_noise` spells a treatment of noise out. `train` makes a model under the options of the
    task's `trainable.py`, and a record of how it was made and scores. `beyond` warns of draws where
    running all inputs is less. `brought` makes the task of inputs that a user brings in files, by
    name; None where there is nothing to bring. `noise_size` says what `entries` of a network draws
    from, None where no strategy samples noise.
    """

    name: str
    arithmetic: str
    task_for: Callable[[Any, Prior | None, str], Task]
    stated: Callable[[Mapping[str, Any]], Task]
    asked: Callable[[Any, Any, Any, str, Given], Q]
    recipe: Callable[[str, Q], Recipe]
    one_claim: Callable[[Mapping[str, Any]], dict[str, Any]]
    uses: Callable[[str], Uses]
    require_way_to: Callable[..., None]
    with_noise: Callable[[str, str], str]
    decided: Callable[[Q, str, bool, CostMeter], tuple[str, Q]]
    answer: Callable[[str, Q, CostMeter], Outcome]
    train: Callable[[Mapping[str, Any], str], tuple[Any, dict[str, Any]]]
    beyond: Callable[[Any, int, str], Iterator[str]]
    foretold: Callable[[Any, Wish], Foretold] | None = None
    brought: Callable[[Any, Mapping[str, Any]], Task] | None = None
    noise_size: Callable[[Any], NoiseSize] | None = None

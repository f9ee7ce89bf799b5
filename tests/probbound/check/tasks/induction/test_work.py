"""What checking a certificate of induction is said to take."""

import time
from typing import Any

import pytest

from probbound.check.judge import judge
from probbound.check.tasks.induction.work import work_of
from tests.forgeries import altered
from tests.probbound.check.tasks.induction.networks import noisy, weights_read
from tests.probbound.check.tasks.induction.test_certificates import certified

FAR = 1 << 34


@pytest.mark.parametrize(
    ("strategy", "path"),
    [
        ("iid", ("ran", "budget")),
        ("tree:20", ("ran", "recipe", "levels", 0, "nodes")),
        ("cascade", ("sampling", "draws")),
        ("cascade:soft", ("sampling", "draws")),
    ],
)
def test_what_asks_for_too_much_is_declined_at_once(strategy, path):
    asked: dict[str, Any] = {} if strategy == "tree:20" else {"budget": 20}
    made, weights = certified(noisy(), strategy=strategy, **asked), weights_read(noisy())
    more = altered(made, path, lambda _: FAR)
    if strategy == "iid":
        more["sampling"]["draws"] = FAR
    assert work_of(more, weights).operations > 6e11
    assert work_of(made, weights).operations < 2e9


def test_an_estimate_is_not_below_what_it_takes_by_much():
    model = noisy()
    weights = weights_read(model)
    questions: tuple[tuple[str, dict[str, Any]], ...] = (
        ("brute-force", {}),
        ("pairs", {}),
        ("iid", {"budget": 3000}),
        ("cascade:soft", {"budget": 100, "draws": 20_000}),
    )
    for strategy, asked in questions:
        made = certified(model, strategy=strategy, **asked)
        start = time.process_time()
        assert judge(made, weights).holds
        assert (time.process_time() - start) * 1e9 < 10 * work_of(made, weights).operations

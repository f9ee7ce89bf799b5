"""What a user's function is, by its source or by a version."""

import hashlib
import inspect
from functools import partial, wraps

import jax
import pytest

from probbound.contract.identity import Identity
from probbound.machine.errors import UserError


def plain(batch):
    return batch > 0


def wrapped(function):
    @wraps(function)
    def call(batch):
        return function(batch)

    return call


class Callable:
    def __call__(self, batch):
        return batch

    def method(self, batch):
        return batch


DIGEST = hashlib.sha256(inspect.getsource(plain).encode()).hexdigest()


def test_it_is_the_digest_of_the_source_through_wrappers():
    for function in (plain, jax.jit(plain), wrapped(plain)):
        assert Identity.of(function, None) == Identity("source", DIGEST)


def test_objects_and_methods_have_a_source_too():
    made = Callable()
    assert Identity.of(made, None).kind == Identity.of(made.method, None).kind == "source"
    assert Identity.of(made, None) != Identity.of(made.method, None)


@pytest.mark.parametrize("function", [partial(plain), len])
def test_what_has_no_source_is_nothing_without_a_version(function):
    assert Identity.of(function, None) == Identity("none")
    assert Identity.of(function, "2").to_json() == {
        "identity": "version",
        "sha256": None,
        "version": "2",
    }


@pytest.mark.parametrize("version", ["", "x" * 1001])
def test_a_version_is_a_text_of_some_length(version):
    with pytest.raises(UserError, match="1 to 1000 characters"):
        Identity.of(plain, version)

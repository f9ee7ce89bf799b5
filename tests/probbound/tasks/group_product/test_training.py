"""Training on products: operands are told apart wherever the group does."""

import pytest

from probbound.machine.errors import UserError
from probbound.tasks.group_product.training import train
from probbound.tasks.modular_addition.training import train as train_sums

BRIEF = {"d_mlp": 32, "d_model": 8, "steps": 150, "batch": 0, "weight_decay": 0.1}


def test_operands_have_embeddings_of_their_own_by_default():
    model, record = train({"group": "s3", **BRIEF})
    assert model.W_E2 is not None
    assert record["task"] == "group-product:s3"
    assert record["wrong"] < 12


def test_a_tied_embedding_is_for_commutative_groups():
    with pytest.raises(UserError, match="s3 is not commutative"):
        train({"group": "s3", "tied": True, **BRIEF})
    model, _ = train({"group": "c5", "tied": True, **BRIEF, "steps": 2})
    assert model.W_E2 is None


def test_sums_are_tied_unless_asked():
    model, record = train_sums({"p": 5, **BRIEF, "steps": 2})
    assert model.W_E2 is None
    assert (record["task"], record["p"], record["samples"]) == ("modular-addition", 5, 25)
    other, _ = train_sums({"p": 5, "untied": True, **BRIEF, "steps": 2})
    assert other.W_E2 is not None

"""Certificates and weights of a sender who wants a false claim to be accepted."""

import copy
from fractions import Fraction

import numpy as np

import probbound
from probbound.check.judge import judge
from probbound.check.slack import Sizes
from probbound.cli.verify import weights_of
from probbound.forward_error import ForwardError
from probbound.models.transformer import Transformer
from probbound.tasks import task_for
from tests.factories import ASSORTED
from tests.forgeries import resealed


def exact_product(left: np.ndarray, right: np.ndarray) -> Fraction:
    return sum(
        (Fraction(a) * Fraction(b) for a, b in zip(left.tolist(), right.tolist(), strict=True))
    )


def almost_a_tie() -> Transformer:
    """Two tokens, one position; token 1 loses by less than a rounding, at logits near 2^-440.

    The squares of the embeddings underflow, and the other weights make up for their size.
    """
    rng, width = np.random.default_rng(0), 16
    while True:
        output, embedding = rng.standard_normal((2, width))
        for _ in range(3):
            embedding[-1] -= float(exact_product(embedding, output) / Fraction(output[-1].item()))
        if exact_product(embedding, output) < 0 < embedding @ output:
            break
    large, none = 2.0**60 * np.eye(width)[None], np.zeros((1, width, width))
    return Transformer(
        W_E=2.0**-560 * np.stack([-output, embedding]),
        W_pos=np.zeros((1, width)),
        W_Q=none,
        W_K=none,
        W_V=large,
        W_O=large,
        W_U=np.stack([np.zeros(width), output], axis=1),
        b_Q=np.zeros((1, width)),
        b_K=np.zeros((1, width)),
        b_V=np.zeros((1, width)),
        b_O=np.zeros(width),
        b_U=np.zeros(2),
        attn_scale=1.0,
        name="almost a tie",
    )


def test_weights_whose_squares_underflow_have_their_rounding_counted():
    model = almost_a_tie()
    forged = copy.deepcopy(
        probbound.certify(model, task_for(model), strategy="brute-force").to_json()
    )
    forged |= {"failure_upper": 0.0, "bound": 1.0, "confidence_weighted": 1.0}
    forged["levels"][0]["share_upper"], forged["proof"]["certified_mass"] = 0.0, 1.0
    assert not judge(resealed(forged), weights_of(model)).holds


def test_sizes_are_those_of_the_maker():
    for make in (*ASSORTED.values(), almost_a_tie):
        model = make()
        ours, makers = Sizes.of(weights_of(model)), ForwardError.of(model)
        assert np.allclose(ours.logits, makers.logits, rtol=1e-9, atol=0)
        assert np.allclose(ours.scores, makers.scores, rtol=1e-9, atol=0)

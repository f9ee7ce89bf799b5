import numpy as np
import pytest
from scipy.stats import chi2

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.task import MaxOfK


def test_words_depend_on_key_and_number_alone():
    stream = Stream.from_seed(7)
    whole = stream.words(0, 1000)
    for start, stop in [(0, 1), (1, 5), (3, 3), (4, 9), (999, 1000), (17, 803)]:
        np.testing.assert_array_equal(stream.words(start, stop), whole[start:stop])


def test_the_first_words_are_philox_under_a_sha256_key():
    """The specification, written out a second time."""
    import hashlib

    seeded = hashlib.sha256(b"probbound/stream/1/seed/7").digest()[:16]
    folded = hashlib.sha256(b"probbound/stream/1/fold/" + seeded + b"name").digest()[:16]
    expected = np.random.Philox(key=int.from_bytes(folded, "little")).random_raw(9)
    np.testing.assert_array_equal(Stream.from_seed(7).fold_in("name").words(0, 9), expected)


def test_names_and_seeds_give_different_streams():
    streams = [Stream.from_seed(0), Stream.from_seed(1)]
    streams += [stream.fold_in(name) for stream in streams for name in ("a", "b")]
    firsts = [tuple(stream.words(0, 4)) for stream in streams]
    assert len(set(firsts)) == len(firsts)


@pytest.mark.parametrize("bound", [1, 2, 7, 64, 1000])
def test_integers_are_uniform(bound):
    values = Stream.from_seed(3).integers(0, 100_000, bound)
    counts = np.bincount(values, minlength=bound)
    assert len(counts) == bound
    statistic = ((counts - 1e5 / bound) ** 2 / (1e5 / bound)).sum()
    assert bound == 1 or statistic < chi2.isf(1e-6, bound - 1)


def test_rejection_keeps_large_bounds_uniform_and_numbered():
    bound = (1 << 62) + (1 << 61)
    stream = Stream.from_seed(0)
    values = stream.integers(0, 4000, bound)
    assert values.min() >= 0
    assert values.max() < bound
    assert abs((values < bound // 3).mean() - 1 / 3) < 0.05
    np.testing.assert_array_equal(stream.integers(100, 300, bound), values[100:300])
    rejected = stream.words(0, 4000) >= np.uint64((1 << 64) // bound * bound)
    assert 0.1 < rejected.mean() < 0.4


def test_sampled_inputs_do_not_depend_on_where_chunks_begin():
    task, stream = MaxOfK(10, 3), Stream.from_seed(1)
    whole = task.sample(stream, 0, 50)
    np.testing.assert_array_equal(task.sample(stream, 13, 29), whole[13:29])
    assert whole.shape == (50, 3)
    np.testing.assert_array_equal(task.labels(whole), whole.max(axis=1))


@pytest.mark.parametrize("seed", [-1, True])
def test_unusable_seeds_are_refused(seed):
    with pytest.raises(UserError, match="seed must be a non-negative integer"):
        Stream.from_seed(seed)


def test_empty_tasks_are_refused():
    with pytest.raises(UserError, match="at least 1, got 0 and 4"):
        MaxOfK(0, 4)

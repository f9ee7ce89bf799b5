"""Groups by name and by table, against permutations multiplied one by one."""

import itertools

import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.tasks.group_product.groups import MOST_ELEMENTS, Group, group_named
from probbound.tasks.group_product.task import GroupProduct


def even(permutation):
    pairs = itertools.combinations(permutation, 2)
    return sum(x > y for x, y in pairs) % 2 == 0


@pytest.mark.parametrize(("name", "points", "keep"), [("s4", 4, False), ("a5", 5, True)])
def test_permutations_are_multiplied_as_they_say(name, points, keep):
    elements = [g for g in itertools.permutations(range(points)) if not keep or even(g)]
    group = group_named(name)
    assert group.order == len(elements)
    for g, h in [(0, 3), (1, 2), (5, 7), (11, 4), (23, 22)]:
        product = tuple(elements[g][elements[h][x]] for x in range(points))
        assert elements[group.table[g][h]] == product


def test_cyclic_groups_are_added():
    assert group_named("c7").table[5][4] == 2
    assert group_named("C1").table == ((0,),)


@pytest.mark.parametrize("name", ["s7", "b4", "c0", "s", "c99999", "", "s-3", "c٣"])
def test_names_of_no_group_are_refused(name):
    with pytest.raises(UserError, match=r"no group|at most 6 points"):
        group_named(name)


def test_a_large_cyclic_group_is_refused():
    with pytest.raises(UserError, match=f"1 to {MOST_ELEMENTS} rows"):
        group_named(f"c{MOST_ELEMENTS + 1}")


def loop():
    """A Latin square with an identity and inverses that is not associative."""
    return np.array(
        [
            [0, 1, 2, 3, 4],
            [1, 0, 3, 4, 2],
            [2, 4, 0, 1, 3],
            [3, 2, 4, 0, 1],
            [4, 3, 1, 2, 0],
        ]
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (np.zeros((3, 3), dtype=int), "each of 0 … 2 once"),
        (np.array([[1, 0], [1, 0]]), "each of 0 … 1 once"),
        (np.array([[0, 2, 1], [1, 0, 2], [2, 1, 0]]), "no identity"),
        (loop(), "not associative"),
        (np.zeros((2, 3), dtype=int), "square table"),
        (np.zeros((0, 0), dtype=int), "1 to"),
    ],
)
def test_tables_of_no_group_are_refused(table, said):
    with pytest.raises(UserError, match=said):
        Group.of_table(table, "own")


def test_a_table_of_ones_own_is_read_and_stated(tmp_path):
    klein = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
    np.save(tmp_path / "klein.npy", klein)
    group = group_named(str(tmp_path / "klein.npy"))
    assert group.statement() == {"name": "klein", "table": klein.tolist()}
    assert GroupProduct(group).labels(np.array([[1, 2]])) == [3]


def test_a_table_that_goes_by_the_name_of_another_group_is_stated():
    relabelled = Group.of_table(np.array([[1, 0], [0, 1]]), "c2")
    assert relabelled.statement()["table"] == [[1, 0], [0, 1]]
    assert group_named("s3").statement() == {"name": "s3", "table": None}


@pytest.mark.parametrize("content", [b"no array", b""])
def test_files_without_a_table_are_refused(content, tmp_path):
    (tmp_path / "g.npy").write_bytes(content)
    with pytest.raises(UserError, match="cannot read"):
        group_named(str(tmp_path / "g.npy"))
    with pytest.raises(UserError, match="cannot read"):
        group_named(str(tmp_path / "none.npy"))


def test_floats_are_no_elements(tmp_path):
    np.save(tmp_path / "g.npy", np.eye(2))
    with pytest.raises(UserError, match="square array of integers"):
        group_named(str(tmp_path / "g.npy"))

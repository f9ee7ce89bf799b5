"""What a file or an array is a population of."""

import numpy as np
import pytest

from probbound import NextToken, RowLaw
from probbound.machine.errors import UserError
from probbound.tasks.next_token.populations.listed import RowList
from probbound.tasks.next_token.populations.registry import population_of, read_population
from tests.probbound.tasks.next_token import drawn, rows


def test_files_are_lists_laws_or_generators(tmp_path):
    rows.saved(tmp_path)
    drawn.saved(tmp_path)
    found = [
        read_population(f"{tmp_path}/rows.npz"),
        read_population(f"{tmp_path}/law.npz"),
        read_population(f"{drawn.written(tmp_path)}:others"),
    ]
    assert [each.kind for each in found] == ["rows", "row-law", "row-generator"]
    assert [each.length for each in found] == [5, 5, 5]
    assert [each.size for each in found] == [48, None, None]
    for each in found[1:]:
        with pytest.raises(UserError, match="are no list; they are drawn"):
            _ = NextToken(each).tokens


@pytest.mark.parametrize(("held", "said"), [({"a": 1}, "neither"), (None, "both")])
def test_a_file_holds_rows_or_a_law(held, said, tmp_path):
    path = tmp_path / "found.npz"
    held = held or {"tokens": rows.tokens(), "law": drawn.weights()}
    np.savez(path, **held)
    with pytest.raises(UserError, match=f"and holds {said}"):
        read_population(str(path))


def test_populations_are_themselves():
    class Other(RowLaw):
        pass

    law = drawn.law()
    assert population_of(law) is law
    assert type(population_of(rows.tokens())) is RowList
    with pytest.raises(UserError, match="populations themselves"):
        population_of(Other(drawn.weights()))

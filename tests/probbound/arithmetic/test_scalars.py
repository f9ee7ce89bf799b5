from fractions import Fraction

import numpy as np
import pytest

from probbound.arithmetic.scalars import real, whole
from probbound.machine.errors import UserError


class Loud(float):
    def __repr__(self) -> str:
        return "1e-300"


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)], ids=repr)
def test_integers_become_pythons_own(value):
    assert (whole("n", value), type(whole("n", value))) == (3, int)


@pytest.mark.parametrize("value", [0.25, np.float32(0.25), Fraction(1, 4), Loud(0.25)], ids=type)
def test_numbers_become_pythons_own(value):
    assert (real("x", value), type(real("x", value))) == (0.25, float)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, np.float64(1), [1]], ids=repr)
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(UserError, match="n must be an integer, got"):
        whole("n", value)


@pytest.mark.parametrize("value", [True, "1", b"1", None, 1j, [1], 10**400], ids=type)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(UserError, match="x must be a number, got"):
        real("x", value)

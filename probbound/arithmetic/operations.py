"""How many operations a function takes, from its jaxpr: traced on shapes, nothing is computed.

What an operation is, `probbound.contract.cost` says. A sum, a maximum or another reduction of n
numbers is n of them, one with the number it starts from; a product of matrices (m, k) and (k, n)
is 2mkn. Integers that only say where data lie are no numbers, and truth values no operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from probbound.machine.errors import UserError


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOVES = _names(
    """broadcast_in_dim concatenate convert_element_type copy copy_p device_put dynamic_slice
    dynamic_update_slice expand_dims gather iota optimization_barrier pad reduce_precision
    reshape rev scatter select_n sharding_constraint slice split squeeze stack stop_gradient
    transpose unstack bitcast_convert_type"""
)
_LOGIC = _names("and is_finite or not xor reduce_and reduce_or reduce_xor")
_ONE_EACH = _names(
    """abs acos acosh add add_any asin asinh atan atan2 atanh cbrt ceil cos cosh digamma div eq erf
    erf_inv erfc exp exp2 expm1 floor ge gt le lgamma log log1p logistic lt max min mul
    ne neg nextafter pow rem round rsqrt sign sin sinh sqrt square sub tan tanh"""
)
_REDUCTIONS = _names(
    """argmax argmin cumlogsumexp cummax cummin cumprod cumsum reduce_max reduce_min reduce_prod
    reduce_sum"""
)
_CALLS = {
    "checkpoint": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat2": "jaxpr",
}
_ADDRESSED_FROM = {"gather": 1, "dynamic_slice": 1, "dynamic_update_slice": 2}
_STARTS = {"max": -math.inf, "min": math.inf}


class _Use(IntEnum):
    """What becomes of a value: nothing, a place in an array, or more than that."""

    NONE = 0
    ADDRESS = 1
    VALUE = 2


def operations(function: Callable[..., Any], *arguments: Any) -> int:
    """Operations of `function(*arguments)` in float64.

    Arguments are pytrees of arrays, or of shapes (`floats`, `integers`): entries do not matter.
    Counted once for each function and set of shapes, so the function should be one that stays. Of
    the branches of a condition the dearest counts; what no result depends on does not.

    Raises:
        UserError: if the function has a loop of unknown length, or a primitive without a price.
    """
    leaves, tree = jax.tree.flatten(arguments)
    return _counted(function, tree, tuple((np.shape(x), np.dtype(x.dtype)) for x in leaves))


def operations_each(function: Callable[..., Any], arguments: Callable[[int], Sequence[Any]]) -> int:
    """Operations that each of many rows takes; `arguments(n)` are those of n rows.

    What is done once for all rows is left out.

    Raises:
        UserError: as `operations`.
    """
    return operations(function, *arguments(3)) - operations(function, *arguments(2))


def floats(*shape: int) -> jax.ShapeDtypeStruct:
    """The shape of an array of floats, as an argument to count with."""
    return jax.ShapeDtypeStruct(shape, np.float64)


def integers(*shape: int) -> jax.ShapeDtypeStruct:
    """The shape of an array of integers, as an argument to count with."""
    return jax.ShapeDtypeStruct(shape, np.int64)


@lru_cache(maxsize=1 << 12)
def _counted(
    function: Callable[..., Any],
    tree: Any,
    leaves: tuple[tuple[tuple[int, ...], np.dtype[Any]], ...],
) -> int:
    arguments = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):  # nothing is computed
        jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    return _of_jaxpr(jaxpr, [_Use.VALUE] * len(jaxpr.outvars))[0]


def _of_jaxpr(jaxpr: Jaxpr, wanted: Sequence[_Use]) -> tuple[int, list[_Use]]:
    """Operations of a jaxpr whose results are put to such uses, and the uses of its inputs."""
    uses: dict[Any, _Use] = {}

    def put_to(atoms: Sequence[Any], found: Sequence[_Use]) -> None:
        for atom, use in zip(atoms, found, strict=True):
            if not isinstance(atom, Literal):
                uses[atom] = max(use, uses.get(atom, _Use.NONE))

    total = 0
    put_to(jaxpr.outvars, wanted)
    for equation in reversed(jaxpr.eqns):
        results = [uses.get(variable, _Use.NONE) for variable in equation.outvars]
        if any(results):
            number, found = _of_equation(equation, results)
            total += number
            put_to(equation.invars, found)
    return total, [uses.get(variable, _Use.NONE) for variable in jaxpr.invars]


def _of_equation(equation: JaxprEqn, results: Sequence[_Use]) -> tuple[int, Sequence[_Use]]:
    """Operations of one equation, and the uses it puts its operands to."""
    name, operands, parameters = equation.primitive.name, equation.invars, equation.params
    if name in _CALLS:
        return _of_jaxpr(_open(parameters[_CALLS[name]]), results)
    if name in _MOVES:
        return 0, _moved(name, len(operands), max(results))
    if name in _LOGIC:
        return 0, [max(results)] * len(operands)
    if name in _ONE_EACH and max(results) == _Use.ADDRESS and not _floating(operands):
        return 0, [_Use.ADDRESS] * len(operands)
    if name == "scan":
        return _of_scan(parameters, results)
    if name == "cond":
        return _of_branches(parameters["branches"], results)
    if name == "while":
        raise UserError(
            "operations are counted beforehand, but the function has a loop of unknown length "
            "(while); use fori_loop or scan with a fixed one"
        )
    return _of_primitive(name, equation), [_Use.VALUE] * len(operands)


def _of_scan(parameters: Mapping[str, Any], results: Sequence[_Use]) -> tuple[int, Sequence[_Use]]:
    """Every step; what is only carried on, as the number of a step is, has no use."""
    body, carried = parameters["jaxpr"].jaxpr, parameters["num_carry"]
    constants = parameters["num_consts"]
    wanted = list(results)
    while True:
        number, found = _of_jaxpr(body, wanted)
        again = list(map(max, wanted[:carried], found[constants : constants + carried]))
        if again == wanted[:carried]:
            return parameters["length"] * number, found
        wanted[:carried] = again


def _of_branches(
    branches: Sequence[ClosedJaxpr], results: Sequence[_Use]
) -> tuple[int, Sequence[_Use]]:
    numbers, found = zip(*(_of_jaxpr(branch.jaxpr, results) for branch in branches), strict=True)
    return max(numbers), [_Use.VALUE, *map(max, *found)]


def _moved(name: str, operands: int, result: _Use) -> list[_Use]:
    """The uses of what is moved, and of what says from where to where."""
    if name == "scatter":
        return [result, _Use.ADDRESS, result]
    values = _ADDRESSED_FROM.get(name, operands)
    return [result] * values + [_Use.ADDRESS] * (operands - values)


def _of_primitive(name: str, equation: JaxprEqn) -> int:
    inputs: list[Any] = [operand.aval for operand in equation.invars]
    result: Any = equation.outvars[0].aval
    size = math.prod(result.shape)
    if name in _ONE_EACH:
        truths = all(value.dtype == bool for value in inputs)
        return 0 if truths or _joins_its_start(name, equation.invars) else size
    if name in _REDUCTIONS:
        return math.prod(inputs[0].shape)
    if name == "dot_general":
        contracted = equation.params["dimension_numbers"][0][0]
        return 2 * size * math.prod(inputs[0].shape[axis] for axis in contracted)
    if name == "integer_pow":
        return size * max(abs(equation.params["y"]) - 1, 1)
    if name == "clamp":
        return 2 * size
    if name == "scatter-add":
        return math.prod(inputs[2].shape)
    if name == "sort":
        length = inputs[0].shape[equation.params["dimension"]]
        return math.prod(inputs[0].shape) * max(length - 1, 0).bit_length()
    raise UserError(
        f"the operations of the primitive {name} are not known; give it a price in "
        "probbound/arithmetic/operations.py"
    )


def _joins_its_start(name: str, operands: Sequence[Any]) -> bool:
    """Whether it is the step of a maximum or minimum that its reduction has counted."""
    start = _STARTS.get(name)
    return start is not None and any(
        isinstance(operand, Literal) and operand.val == start for operand in operands
    )


def _open(jaxpr: Jaxpr | ClosedJaxpr) -> Jaxpr:
    return jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr


def _floating(operands: Sequence[Any]) -> bool:
    return any(np.issubdtype(operand.aval.dtype, np.inexact) for operand in operands)

"""What is put on every function and dataclass of probbound while the tests run.

jaxtyping's import hook decorates all of them with `jaxtyped(typechecker=beartype)`, which on every
call binds the arguments, keeps a memo of axes and checks the arguments twice: half of the time that
some tests take. Here each is checked once, and a memo is kept only where a type may name an axis.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

jaxtyped = jaxtyping.jaxtyped
AXES_OF_ITS_OWN = jaxtyped("context")


def install(package: str) -> None:
    """Check types and shapes in all modules of a package that are imported from now on."""
    jaxtyping.jaxtyped = checked
    jaxtyping.install_import_hook(package, "beartype.beartype")


AS_TYPE_ERRORS = BeartypeConf(violation_type=TypeError)  # as jaxtyping reports them


def checked(target: Any = None, *, typechecker: Any) -> Any:
    """Stands in for `jaxtyping.jaxtyped`: each check once, no memo where no axis is named."""
    if target is None:
        return partial(checked, typechecker=typechecker)
    if inspect.isclass(target):
        if type(target) is type and dataclasses.is_dataclass(target) and "__init__" in vars(target):
            target.__init__ = checked(target.__init__, typechecker=typechecker)
            return target
        return jaxtyped(target, typechecker=typechecker)
    hints = {name: resolved(hint, target) for name, hint in target.__annotations__.items()}
    if inspect.isgeneratorfunction(target):
        return jaxtyped(target, typechecker=typechecker)
    target.__annotations__ = hints
    once = beartype(conf=AS_TYPE_ERRORS)(target)
    return once if all(map(names_no_axis, hints.values())) else with_axes_of_its_own(once)


def with_axes_of_its_own(function: Callable) -> Callable:
    """The function, the sizes of whose axes are compared with one another and no caller's."""

    @wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        with AXES_OF_ITS_OWN:
            return function(*arguments, **named)

    return run


def resolved(hint: Any, function: Callable) -> Any:
    """What an annotation stands for; `Any`, as for jaxtyping, if that is not known yet."""
    holder = types.SimpleNamespace(__annotations__={"hint": hint})
    try:
        return typing.get_type_hints(holder, function.__globals__, include_extras=True)["hint"]
    except Exception:  # whatever evaluating an annotation raises
        return Any


def names_no_axis(hint: Any) -> bool:
    """Whether a type is surely none of jaxtyping's, nor made of one."""
    if hint is Any or hint is None or hint is ... or typing.get_origin(hint) is typing.Literal:
        return True
    if isinstance(hint, list):  # the arguments of a Callable
        return all(map(names_no_axis, hint))
    if typing.get_args(hint):
        return all(map(names_no_axis, typing.get_args(hint)))
    if not isinstance(hint, type):
        return False
    return not any(kind.__module__.startswith("jaxtyping") for kind in (type(hint), *hint.__mro__))

"""Rooms by name: entered when asked, and refused with the names there are."""

import pytest

from probbound.machine.errors import UserError
from probbound.machine.rooms import Rooms

ROOMS = Rooms("thing", {"one": "probbound.machine", "other": "no_such_room"})


class Of:
    def __init_subclass__(cls, kind):
        cls.kind = kind


class One(Of, kind="one"):
    pass


class Strange(Of, kind=["one"]):
    pass


def test_a_room_is_entered_when_asked():
    assert list(ROOMS) == ["one", "other"]
    assert ROOMS.module("one", "errors").UserError is UserError
    assert ROOMS.required("other") == "other"
    with pytest.raises(ModuleNotFoundError, match="no_such_room"):
        ROOMS.module("other", "errors")


def test_a_thing_belongs_to_the_room_that_its_type_names():
    assert ROOMS.named_by(One(), "kind") == "one"
    with pytest.raises(UserError, match=r"for the things one, other, got builtins\.int; no"):
        ROOMS.named_by(3, "kind")
    with pytest.raises(UserError, match="no strategy serves another thing"):
        ROOMS.named_by(Strange(), "kind")


def test_no_such_room_is_refused_with_those_there_are():
    with pytest.raises(UserError, match="there is no thing 'third'; choose from one, other"):
        ROOMS.required("third")

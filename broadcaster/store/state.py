"""State: the book's answers to the desk, on one consistent moment."""

from broadcaster.desk.ports import LogState
from broadcaster.store.airtime import Announcements, Deliveries, Orders
from broadcaster.store.log import LogReading
from broadcaster.store.places import Places, Principals
from broadcaster.store.sayings import Sayings, Speech
from broadcaster.store.tasks import Self, Tasks


class SqlState(
    Places, Principals, Sayings, Speech, Announcements, Deliveries, Orders, Tasks, Self, LogReading, LogState
):
    """The state of the desk in SQL; its connection is in a transaction."""

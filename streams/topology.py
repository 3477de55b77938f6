"""Topology: which stage reads what, and which worker takes what: names only, no code and no engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from broadcaster.model.precedence import Lane

BOTH = (Lane.ALERT, Lane.NOTICE)


@dataclass(frozen=True, slots=True)
class StagePlace:
    """Where a stage stands in the streams; its name is also its reader's.

    Attributes:
        topics: names, in which ``{lane}`` stands for the lane.
        batch: most events in one transaction.
        together: the stage is handed the whole batch; else one event after another, each seeing what the last one put.
        last_only: type of event → field of its payload: of several in a batch with the same value only the last is
            handed over. For stages that look again at a thing, however often they are told that it changed.
    """

    name: str
    topics: tuple[str, ...]
    lanes: tuple[Lane, ...]
    batch: int
    together: bool = False
    last_only: Mapping[str, str] = field(default_factory=dict)

    def topics_in(self, lane: Lane) -> tuple[str, ...]:
        """Name what it reads in a lane."""
        return tuple(topic.format(lane=lane) for topic in self.topics)


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Which kinds of work a worker takes, in which lanes.

    Attributes:
        at_once: most works that are in hand together, in each lane.
    """

    name: str
    kinds: tuple[str, ...]
    lanes: tuple[Lane, ...]
    at_once: int = 8


@dataclass
class Topology:
    """All stages and workers, by name."""

    stages: dict[str, StagePlace] = field(default_factory=dict)
    workers: dict[str, WorkerPlace] = field(default_factory=dict)

    def stage(
        self,
        name: str,
        topics: Sequence[str],
        lanes: Sequence[Lane] = BOTH,
        batch: int = 50,
        *,
        together: bool = False,
        last_only: Mapping[str, str] | None = None,
    ) -> None:
        """Let a stage read topics in lanes, so many events a transaction."""
        self.stages[name] = StagePlace(name, tuple(topics), tuple(lanes), batch, together, dict(last_only or {}))

    def worker(self, name: str, kinds: Sequence[str], lanes: Sequence[Lane] = BOTH, *, at_once: int = 8) -> None:
        """Let a worker take kinds of work in lanes, so many at once."""
        self.workers[name] = WorkerPlace(name, tuple(kinds), tuple(lanes), at_once)


def town() -> Topology:
    """Return the streams of a town (design: life of an announcement)."""
    topology = Topology()
    topology.stage("airing", ["announcements.{lane}", "scripts.{lane}"])
    # Receipts are many and small, and all in one lane: they are repeated until confirmed, so they can wait.
    topology.stage("acknowledging", ["receipts"], lanes=[Lane.NOTICE], batch=500, together=True)
    # An announcement with a thousand loudspeakers changes three thousand times: it is looked at once a batch.
    topology.stage(
        "closing", ["deliveries", "announcements.{lane}"], batch=200, last_only={"delivery.changed.v1": "announcement"}
    )
    # The voice says one sentence at a time; some texts ahead keep it from waiting while another is being finished.
    topology.worker("voicing", ["voice"], at_once=4)
    # All villages of a town together: the ninth must not wait until the first one's order is stored.
    topology.worker("ordering", ["order"], at_once=32)
    topology.worker("sending", ["send"], at_once=32)
    return topology

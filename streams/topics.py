"""Topics: what may lie in the log, under which key, in how many parts and for how long."""

from dataclasses import dataclass
from datetime import timedelta

REPLICAS = 3
LEAST_IN_SYNC = 2
LONGEST_RECORD_BYTES = 256 * 1024
"""Audio goes by reference, so that nothing comes near it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        key: what its records are ordered by; the number of partitions never changes once they are keyed.
        kept: how long a record stays; for ``compact``, how long one that nothing replaced does.
        cleanup: Kafka's ``cleanup.policy``: delete, or compact,delete.
    """

    name: str
    key: str
    partitions: int
    kept: timedelta
    cleanup: str = "delete"


def _topics() -> tuple[Topic, ...]:
    day = timedelta(days=1)
    return (
        Topic("intake.cap", "sender", 3, 7 * day),
        Topic("intake.signal", "sender", 6, 7 * day),
        Topic("alerts", "origin", 3, 30 * day),
        Topic("notices", "origin", 6, 14 * day),
        Topic("announcements.alert", "village", 6, 30 * day),
        Topic("announcements.notice", "village", 12, 14 * day),
        Topic("scripts.alert", "script", 3, 7 * day),
        Topic("scripts.notice", "script", 6, 7 * day),
        Topic("orders.alert", "village", 6, 7 * day),
        Topic("orders.notice", "village", 12, 7 * day),
        Topic("receipts", "village", 12, 90 * day),
        Topic("deliveries", "announcement:target", 12, 90 * day, "compact,delete"),
        Topic("heartbeats", "speaker", 6, day),
    )


TOPICS = {topic.name: topic for topic in _topics()}
LONGEST_KEPT = max(topic.kept for topic in TOPICS.values())
"""A reader's inbox has to outlive this by a day, or an old record that comes again would be run again."""

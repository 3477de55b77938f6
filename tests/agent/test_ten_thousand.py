"""Of ten thousand orders, exactly the genuine ones sound, once."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from broadcaster.model.order import Order, Purpose, write_order
from broadcaster.signing.envelope import Envelope, SealingKey
from tests.agent.station import Station, sealed
from tests.virtual import VirtualClock

pytestmark = pytest.mark.virtual

ORDERS = 10_000
WAVE = 250
GENUINE = 0.2
STRANGER = SealingKey(b"s" * 32, Purpose.ALERT)
WRONGS = ("forged", "replayed", "late", "retargeted", "purpose", "tampered", "cancelled")


class Attack:
    """Whoever sends the orders; remembers which of them were meant to sound."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.random = Random(7)
        self.genuine: set[str] = set()
        self.sent: list[Envelope] = []

    async def one(self) -> None:
        """Send one order, genuine or wrong in one way."""
        order = self._fresh()
        if self.random.random() < GENUINE:
            self.genuine.add(order.id)
            await self._put(sealed(order))
        else:
            await self._wrong(self.random.choice(WRONGS), order)

    def _fresh(self) -> Order:
        station = self.station
        return station.alert(200) if self.random.random() < 0.1 else station.notice(200)

    async def _wrong(self, way: str, order: Order) -> None:
        match way:
            case "forged":
                await self._put(STRANGER.seal(write_order(order)))
            case "replayed" if self.sent:
                await self._put(self.random.choice(self.sent))
            case "late":
                past = order.issued - timedelta(hours=2)
                await self._put(sealed(replace(order, issued=past, expires=past + timedelta(hours=1))))
            case "retargeted":
                await self._put(sealed(replace(order, village="620723103201")))
            case "purpose":
                await self._put(sealed(order, self.random.choice((Purpose.DRILL, Purpose.CANCEL))))
            case "cancelled":
                await self._put(sealed(self.station.cancel(order)))
                await self._put(sealed(order))
            case _:
                good = sealed(order)
                body = good.body.replace(self.station_village, b"620723103209")
                await self._put(Envelope(good.kid, self.random.choice((body, good.body + b" ")), good.sig))

    station_village = b"620723103204"

    async def _put(self, envelope: Envelope) -> None:
        self.sent.append(envelope)
        await self.station.put(envelope)


async def test_exactly_the_genuine_orders_sound_once(clock: VirtualClock) -> None:
    async with Station(clock, block_ms=100).on() as station:
        attack = Attack(station)
        for _ in range(ORDERS // WAVE):
            for _ in range(WAVE):
                await attack.one()
            await asyncio.sleep(60)
        await asyncio.sleep(120)

        begun = Counter(s.order for s in station.recordings() if s.start == 0 and s.ended == "end")
        assert set(begun) == attack.genuine
        assert max(begun.values()) == 1
        assert {s.order for s in station.recordings()} == attack.genuine
        assert len(attack.genuine) > ORDERS * GENUINE * 0.9

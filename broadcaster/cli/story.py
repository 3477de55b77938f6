"""Story: what happens in the demo town, told over HTTP like everybody's; only setting and judging look inside."""

import asyncio
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from audio.playing import decode
from audio.reading import sentences
from broadcaster.cli import staging
from broadcaster.cli.asking import Service
from broadcaster.cli.board import ALERT, NOTICE, Board, TwoLogs
from broadcaster.cli.failing import OUT_OF_REACH, Failure
from broadcaster.cli.judging import Duty, Evidence, Part, Verdict, judge
from broadcaster.cli.tongue import both
from broadcaster.model.clock import SystemClock, milliseconds
from broadcaster.model.errors import BroadcasterError
from broadcaster.model.order import Play, read_order
from broadcaster.service import Running
from streams.agent.fleet import FleetSettings, run_fleet
from streams.agent.soundlog import FileSoundLog, read_sound_log

LOG_FILE = "fleet.sound.jsonl"
BLOCK_MS = 100
CUT_IN_AFTER_SECONDS = 15
LOOK_SECONDS = 0.5
ONLINE_SECONDS = 60
VOICED_SECONDS = 900
SLOW_SECONDS = 120
"""For a notice of some 90 s: slower than that, an alert might not be voiced before the notice is over."""

SLACK_SECONDS = 90
RECEIPTS_SECONDS = 30
SHOWN_FAULTS = 20


class Story:
    """The demo's story: a notice for all villages, and an alert that cuts in where the river rises."""

    def __init__(self, running: Running, board: Board, tokens: staging.Tokens, out: Path) -> None:
        self._running = running
        self._board = board
        self._out = out
        self._clock = SystemClock()
        self._writer = Service(running.url, tokens.writer)
        self._approver = Service(running.url, tokens.approver)
        self._source = Service(running.url, tokens.source)
        self._fleet = FleetSettings(
            service_url=running.url,
            enrol_token=tokens.enrol,
            speakers=staging.speakers(),
            out=out,
            sink="wave",
            block_ms=BLOCK_MS,
            seed="demo",
        )
        self._began = self._clock.monotonic()
        self._happened = asyncio.Event()
        self.summary: dict[str, Any] | None = None
        self.failure: Failure | BroadcasterError | None = None
        board.changed = self._happened.set

    async def show(self, ended: asyncio.Event, *, was_there: bool, stays_open: bool) -> None:
        """Tell the story with all loudspeakers, until it is told or `ended` is set; then see `summary` and `failure`.

        What goes wrong on the stage is raised by nobody here: service and loudspeakers end in their order first.
        """
        async with asyncio.TaskGroup() as tasks:
            fleet = await self._begin(tasks, was_there=was_there)
            telling = tasks.create_task(self._tell())
            waiting = tasks.create_task(ended.wait())
            await asyncio.wait({telling, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if stays_open and self.summary:
                self._board.say(both("控制台开着，Ctrl-C 结束。", "The console stays open; Ctrl-C ends it."))
                await waiting
            for task in (telling, waiting, fleet):
                task.cancel()

    async def _begin(self, tasks: asyncio.TaskGroup, *, was_there: bool) -> "asyncio.Task[None]":
        """Let the loudspeakers join; what an earlier show in the same folder left behind is silenced first."""
        self._board.say(both(f"服务已启动：{self._running.url}", f"The service runs: {self._running.url}"))
        if was_there:
            await _do(self._approver.post, "/stop", {"area": self._running.settings.town})
        self._out.mkdir(parents=True, exist_ok=True)
        (self._out / LOG_FILE).unlink(missing_ok=True)
        return tasks.create_task(self._live())

    async def _live(self) -> None:
        file = FileSoundLog(self._out / LOG_FILE)
        try:
            await run_fleet(self._fleet, self._board.observe, TwoLogs(file, self._board))
        finally:
            file.close()

    async def _tell(self) -> None:
        try:
            notice = await self._write()
            await self._everybody_online()
            await self._voiced(notice)
            await self._release(notice)
            await self._until(lambda: self._sounding(NOTICE) == len(self._board.rows), SLACK_SECONDS)
            self._board.say(both("通知在各村响起。", "The notice sounds in all villages."))
            alert = await self._flood()
            await self._played(notice["origin"], alert)
            self.summary = await self._judged(notice["origin"], alert)
        except (Failure, BroadcasterError) as error:
            self.failure = error

    async def _write(self) -> dict[str, Any]:
        form = staging.notice_form(self._clock.now())
        drafted = await _do(self._writer.post, "/notices", form)
        revision: dict[str, Any] = drafted["revision"]
        await _do(self._writer.post, f"{_path(revision)}/submit")
        self._board.say(both(f"宣传干事写好并提交：《{form['title']}》", f"A writer submits “{form['title']}”."))
        return revision

    async def _everybody_online(self) -> None:
        async def count() -> int:
            online = sum(one["is_online"] for one in await _do(self._approver.get, "/speakers"))
            self._board.doing(both(f"喇叭在线 {online}/{expected}", f"loudspeakers online: {online}/{expected}"))
            return int(online)

        expected = len(self._board.rows)
        await self._look(lambda: _reaches(count, expected), ONLINE_SECONDS, both("喇叭没有全部上线", "not all came"))
        self._board.say(both(f"{expected} 只喇叭全部在线。", f"All {expected} loudspeakers are online."))

    async def _voiced(self, revision: dict[str, Any]) -> None:
        total = len(sentences(revision["spoken"]))
        before = self._spoken_sentences()

        async def is_ready() -> bool:
            state = (await _do(self._writer.post, f"{_path(revision)}/hear"))["state"]
            done = min(total, self._spoken_sentences() - before)
            self._board.doing(both(f"语音合成中：{done}/{total} 句", f"voice: {done} of {total} sentences"))
            if state == "stock":
                raise Failure(both("没有一个语音能读这条通知。", "No voice could say the notice."))
            return bool(state == "ready")

        began = self._clock.monotonic()
        self._board.say(both("正在把通知合成语音……", "The notice is being voiced…"))
        await self._look(is_ready, VOICED_SECONDS, both("语音合成没有完成", "the notice was not voiced"))
        took = self._clock.monotonic() - began
        self._board.say(both(f"通知已合成，用时 {took:.0f} 秒。", f"The notice is voiced; it took {took:.0f} s."))
        if took > SLOW_SECONDS:
            await self._template()

    async def _template(self) -> None:
        """Voice the alert's words ahead, as towns do with their templates; only where the machine is slow now."""
        self._board.say(
            both(
                "这台机器现在很慢：先把预警的话合成好，像平时备好的模板一样。",
                "This machine is slow now: the alert's words are voiced ahead, as a town's templates are.",
            )
        )
        words = self._running.town.desk.reader.read(staging.flood_words())
        await self._running.town.desk.studio.record(words.text, urgent=True)

    def _spoken_sentences(self) -> int:
        return sum(1 for _ in (self._running.settings.shelf / "sentences").glob("*"))

    async def _release(self, revision: dict[str, Any]) -> None:
        path = _path(revision)
        await _do(self._approver.post, f"{path}/approve", {"content_sha256": revision["content_sha256"]})
        released = await _do(self._approver.post, f"{path}/release")
        await self._know(revision["origin"], NOTICE, released["release_at"])
        undo = round(self._running.settings.undo_seconds)
        self._board.say(
            both(
                f"分管领导批准并发布；{undo} 秒内还可撤回，之后响起。",
                f"Somebody else approves and releases it; for {undo} s it can be taken back, then it sounds.",
            )
        )

    async def _know(self, origin: str, kind: str, release_at: str) -> None:
        self._board.released_ms[kind] = milliseconds(datetime.fromisoformat(release_at))
        for one in await _do(self._approver.get, "/announcements", origin=origin):
            self._board.kinds[one["id"]] = kind

    def _sounding(self, kind: str) -> int:
        return sum(1 for row in self._board.rows.values() if row.played_seconds(kind))

    async def _flood(self) -> str:
        self._board.doing(both("15 秒后来一条山洪红色预警……", "in 15 s a red flash-flood alert comes…"))
        await self._clock.sleep(CUT_IN_AFTER_SECONDS)
        content = staging.flash_flood(self._clock.now())
        taken = await _do(self._source.post_bytes, "/alerts", content, "application/cap+xml")
        if taken["fate"] != "planned":
            raise Failure(both(f"预警没有播出：{taken['fate']}", f"The alert will not sound: {taken['fate']}"))
        await self._know(taken["origin"], ALERT, taken["release_at"])
        names = "、".join(village["name"] for village in taken["audience"]["villages"])
        self._board.say(both(f"气象台发来山洪红色预警：{names}", f"A red flash-flood alert comes in for {names}."))
        return str(taken["origin"])

    async def _played(self, notice: str, alert: str) -> None:
        def owed() -> int:
            rows, flooded = self._board.rows, staging.flooded()
            there = {speaker for speaker, village in staging.speakers() if village in flooded}
            return sum(
                NOTICE not in row.ended or (row.speaker in there and ALERT not in row.ended) for row in rows.values()
            )

        play = next(iter((await self._plays(notice)).values()))
        await self._until(lambda: not owed(), play.recording.ms / 1000 + SLACK_SECONDS, owed)
        self._board.say(both("播放结束，核对每只喇叭。", "All has sounded; now each loudspeaker is judged."))

        async def is_known() -> bool:
            rows = [*(await self._deliveries(notice)).values(), *(await self._deliveries(alert)).values()]
            return all(row["rank"] == "final" for row in rows)

        await self._look(is_known, RECEIPTS_SECONDS, None)

    async def _until(self, is_so: Callable[[], bool], seconds: float, owing: Callable[[], int] | None = None) -> None:
        """Wait for what loudspeakers do; when it takes too long the judge will say what is missing."""
        until = self._clock.monotonic() + seconds
        while not is_so() and (left := until - self._clock.monotonic()) > 0:
            self._happened.clear()
            if owing:
                self._board.doing(both(f"还有 {owing()} 只喇叭在播", f"{owing()} loudspeakers still play"))
            try:
                await asyncio.wait_for(self._happened.wait(), min(left, LOOK_SECONDS))
            except TimeoutError:
                continue

    async def _look(self, is_so: Callable[[], Any], seconds: float, failure: str | None) -> None:
        """Ask the service again and again until something is so.

        Raises:
            Failure: it did not become so in time.
        """
        until = self._clock.monotonic() + seconds
        while not await is_so():
            if self._clock.monotonic() > until:
                if failure is None:
                    return
                raise Failure(failure, status=OUT_OF_REACH)
            await self._clock.sleep(LOOK_SECONDS)

    async def _plays(self, origin: str) -> Mapping[str, Play]:
        """Return the stored play orders of an origin by village; the order's id stands in `self._orders`."""
        return {village: play for village, (_, play) in (await self._orders(origin)).items()}

    async def _orders(self, origin: str) -> Mapping[str, tuple[str, Play]]:
        kept = await self._running.town.book.read(
            lambda state: state.orders_of([one.id for one in state.announcements_of(origin)])
        )
        read = [read_order(one.body) for one in kept if one.kind == "play"]
        return {order.village: (order.id, order.play) for order in read if order.play}

    async def _deliveries(self, origin: str) -> dict[tuple[str, str], dict[str, Any]]:
        found = await _do(self._approver.get, "/announcements", origin=origin)
        return {(one["id"], row["target"]): row for one in found for row in one["deliveries"]}

    async def _judged(self, notice: str, alert: str) -> dict[str, Any]:
        notices, alerts = await self._parts(notice), await self._parts(alert)
        evidence = Evidence(
            duties=[
                Duty(speaker, village, notices[village], alerts.get(village))
                for speaker, village in staging.speakers()
                if village in notices
            ],
            stretches=read_sound_log(self._out / LOG_FILE),
            accepted_ms=dict(self._board.accepted_ms),
            waves=self._out,
            deliveries=await self._deliveries(notice) | await self._deliveries(alert),
        )
        verdict = await asyncio.to_thread(judge, evidence)
        self._tell_verdict(verdict)
        is_well = verdict.is_well and self._is_whole(evidence)
        return self._summary(is_well, verdict, evidence)

    def _is_whole(self, evidence: Evidence) -> bool:
        alerted = {duty.village for duty in evidence.duties if duty.alert}
        return len(evidence.duties) == len(staging.speakers()) and alerted == set(staging.flooded())

    async def _parts(self, origin: str) -> dict[str, Part]:
        samples: dict[str, Any] = {}
        parts = {}
        for village, (order, play) in (await self._orders(origin)).items():
            sha256 = play.recording.sha256
            if sha256 not in samples:
                path = self._running.town.sound.path(sha256)
                samples[sha256] = np.frombuffer(await asyncio.to_thread(decode, path), dtype=np.int16)
            parts[village] = Part(order, play.announcement, sha256, play.recording.ms, samples[sha256])
        return parts

    def _tell_verdict(self, verdict: Verdict) -> None:
        for fault in verdict.faults[:SHOWN_FAULTS]:
            self._board.say(f"✗ {fault.speaker}: {fault.code}: {fault.what}")
        villages = staging.villages()
        self._board.say(
            both("✓ 每只喇叭都播了该播的。", "✓ Every loudspeaker played what it should have.")
            if verdict.is_well
            else both(f"✗ 共 {len(verdict.faults)} 处不对。", f"✗ {len(verdict.faults)} things were wrong.")
        )
        url = self._running.url
        self._board.say(both(f"每只喇叭的录音：{self._out}/*.wav", f"What each played: {self._out}/*.wav"))
        self._board.say(both(f"村民页面：{url}/v/{villages[0].code}", f"A village's page: {url}/v/{villages[0].code}"))
        entry = self._running.first_link or f"{url}/console"
        self._board.say(both(f"控制台：{entry}", f"Console: {entry}"))

    def _summary(self, is_well: bool, verdict: Verdict, evidence: Evidence) -> dict[str, Any]:
        rows = self._board.rows.values()
        after = {
            kind: [ms for row in rows if (ms := self._board.after_ms(row, kind)) is not None]
            for kind in (NOTICE, ALERT)
        }
        accepted = [
            row.first[ALERT] - row.accepted[ALERT] for row in rows if ALERT in row.first and ALERT in row.accepted
        ]
        return {
            "ok": is_well,
            "villages": len({duty.village for duty in evidence.duties}),
            "speakers": len(evidence.duties),
            "notice_ms": max((duty.notice.ms for duty in evidence.duties), default=0),
            "alert_ms": max((duty.alert.ms for duty in evidence.duties if duty.alert), default=0),
            "notice_first_sound_ms": _figures(after[NOTICE]),
            "alert_first_sound_ms": _figures(after[ALERT]),
            "alert_cut_in_ms": _figures(accepted),
            "least_likeness": min(verdict.likeness.values(), default=0.0),
            "faults": [f"{fault.speaker} {fault.code}" for fault in verdict.faults[:SHOWN_FAULTS]],
            "seconds": round(self._clock.monotonic() - self._began, 1),
            "out": str(self._out),
        }


async def _reaches(count: Callable[[], Any], expected: int) -> bool:
    return bool(await count() >= expected)


def _figures(numbers: Sequence[int]) -> dict[str, float] | None:
    return {"median": statistics.median(numbers), "max": max(numbers)} if numbers else None


def _path(revision: Mapping[str, Any]) -> str:
    return f"/notices/{revision['origin']}/revisions/{revision['revision']}"


async def _do(ask: Callable[..., Any], *args: Any, **query: Any) -> Any:
    # The service runs on this very loop: a question that waited on it would never be answered.
    return await asyncio.to_thread(ask, *args, **query)

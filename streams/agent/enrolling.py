"""Enrolling: a loudspeaker makes its own key, tells the service the public half, and learns whom to trust."""

import asyncio
import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

from broadcaster.model.errors import Invalid, NotAllowed, OutOfReach
from broadcaster.model.order import Purpose
from broadcaster.model.schedule import QuietHours
from broadcaster.signing.envelope import SEED_BYTES, Keyring, PublicKey, SpeakerKey
from streams.agent.asking import Answered, ask, service
from streams.agent.player import VolumeLimits

ENROL_PATH = "/api/v1/speakers"
ANSWER_SECONDS = 15
LATER = (408, 425, 429)
BROKEN = 500
LARGEST_ANSWER_BYTES = 64 * 1024
KEY_FILE = "speaker.key"
ENROLMENT_FILE = "enrolment.json"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the service told a loudspeaker: the keys to trust, its quiet hours, volume limits, and the book's epoch."""

    keys: tuple[PublicKey, ...]
    quiet: QuietHours
    limits: VolumeLimits
    epoch: int

    @property
    def keyring(self) -> Keyring:
        """Return the keys as they are asked."""
        return Keyring.of(*self.keys)


def own_key(home: Path) -> SpeakerKey:
    """Return the loudspeaker's key, made at the first call; it never leaves the box.

    Raises:
        Invalid: speaker_key: the file is not 32 bytes; remove it and enrol again under a new id.
    """
    path = home / KEY_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        _write(path, secrets.token_bytes(SEED_BYTES), 0o400)
    seed = path.read_bytes()
    if len(seed) != SEED_BYTES:
        raise Invalid("speaker_key", path=str(path), bytes=SEED_BYTES)
    return SpeakerKey(seed)


async def enrolled(home: Path, service_url: str, token: str | None, speaker: str, village: str) -> Enrolment:
    """Return what is stored beside the key; ask the service the first time.

    Raises:
        NotAllowed: token_missing, or the service refused the token or the id.
        OutOfReach: service_away.
    """
    path = home / ENROLMENT_FILE
    if path.exists():
        kept = json.loads(path.read_text())
        if (kept["speaker"], kept["village"]) != (speaker, village):
            raise Invalid("speaker_home", path=str(home), holds=kept["speaker"], asked=speaker)
        return read_enrolment(kept["answer"])
    if not token:
        raise NotAllowed("token_missing", speaker=speaker, role="enrol")
    answer = await enrol(service_url, token, speaker, village, own_key(home))
    enrolment = read_enrolment(answer)
    _write(path, json.dumps({"speaker": speaker, "village": village, "answer": answer}).encode(), 0o600)
    return enrolment


async def enrol(service_url: str, token: str, speaker: str, village: str, key: SpeakerKey) -> dict[str, Any]:
    """Make a loudspeaker known to the service, and return its answer as it came.

    Raises:
        NotAllowed: enrol_refused, with the service's words.
        OutOfReach: service_away.
    """
    asked = {"id": speaker, "village": village, "pubkey": base64.b64encode(key.public).decode()}
    return await asyncio.to_thread(_post, service(service_url) + ENROL_PATH, token, asked)


def _post(url: str, token: str, asked: Mapping[str, str]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps(asked).encode()
    try:
        answer = ask(url, seconds=ANSWER_SECONDS, largest=LARGEST_ANSWER_BYTES, body=body, headers=headers)
        found: dict[str, Any] = json.loads(answer)
    except Answered as answered:
        if answered.status in LATER or answered.status >= BROKEN:
            raise OutOfReach("service_away", status=answered.status) from answered
        raise NotAllowed("enrol_refused", status=answered.status, why=answered.words) from answered
    except ValueError as error:
        raise OutOfReach("service_away", why="no JSON") from error
    return found


def read_enrolment(answer: Mapping[str, Any]) -> Enrolment:
    """Read the service's answer; what it does not say of volumes and quiet hours is as usual.

    Raises:
        Invalid: enrolment_unreadable.
    """
    try:
        config = answer.get("config") or {}
        return Enrolment(
            keys=tuple(
                PublicKey(base64.b64decode(one["key"], validate=True), Purpose(one["purpose"]))
                for one in answer["keys"]
            ),
            quiet=_quiet(config.get("quiet")),
            limits=_limits(config.get("volume") or {}),
            epoch=int(answer["epoch"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid("enrolment_unreadable", why=repr(error)) from error


def _quiet(found: Mapping[str, str] | None) -> QuietHours:
    if found is None:
        return QuietHours.none()
    return QuietHours(time.fromisoformat(found["start"]), time.fromisoformat(found["end"]))


def _limits(found: Mapping[str, Any]) -> VolumeLimits:
    usual = VolumeLimits()
    return VolumeLimits(
        usual=int(found.get("usual", usual.usual)),
        emergency=_pair(found.get("emergency"), usual.emergency),
        routine=_pair(found.get("routine"), usual.routine),
    )


def _pair(found: Any, usual: tuple[int, int]) -> tuple[int, int]:
    if found is None:
        return usual
    least, most = found
    return int(least), int(most)


def _write(path: Path, content: bytes, mode: int) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

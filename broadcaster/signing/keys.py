"""The signer's key file: one seed for each purpose, for the signer's eyes only."""

import json
import os
import secrets
from pathlib import Path

from broadcaster.model.errors import Invalid, Refused
from broadcaster.model.order import Purpose
from broadcaster.signing.envelope import SEED_BYTES, SealingKey
from broadcaster.signing.limits import check_private


def create_keys(path: Path) -> dict[Purpose, SealingKey]:
    """Make a seed for every purpose, and keep them in a file of mode 0400.

    Raises:
        Refused: keys_exist; keys are never replaced silently, for every loudspeaker holds their other halves.
    """
    seeds = {purpose.value: secrets.token_hex(SEED_BYTES) for purpose in Purpose}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError as error:
        raise Refused("keys_exist", path=str(path)) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(seeds, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return read_keys(path)


def read_keys(path: Path) -> dict[Purpose, SealingKey]:
    """Read the key file.

    Raises:
        Refused: keys_missing, or keys_exposed (its mode is not 0400).
        Invalid: keys_unreadable.
    """
    if not path.is_file():
        raise Refused("keys_missing", path=str(path))
    check_private(path, "keys_exposed")
    try:
        found = json.loads(path.read_text("utf-8"))
        return {purpose: SealingKey(bytes.fromhex(found[purpose.value]), purpose) for purpose in Purpose}
    except (KeyError, TypeError, ValueError) as error:
        # The cause is not chained on: a traceback must not show a piece of the file.
        raise Invalid("keys_unreadable", path=str(path), why=type(error).__name__) from None

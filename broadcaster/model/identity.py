"""Names that follow from other names, so that doing a thing again makes the same thing."""

import hashlib
import json
from typing import Any
from uuid import UUID, uuid5

# Our own root, so that ids cannot meet those of another system that does the same.
ROOT = UUID("6f9c1f5e-5c0b-5d0e-9f57-3b7a0f1d2c44")


def follows(parent: str, *parts: object) -> str:
    """Name what follows from `parent`: the same parts give the same name, on every machine and every run.

    RFC 9562 §5.5 (UUID version 5) over the parent's name and its parts.
    """
    return str(uuid5(ROOT, "\x1f".join([parent, *map(str, parts)])))


def canonical(value: Any) -> bytes:
    """Write JSON in the one form that is hashed and signed: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(value: Any) -> str:
    """Return the SHA-256, in hex, of a value's canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()

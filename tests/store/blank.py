"""A blank book, made once and copied: tables are the same for every test."""

import tempfile
from functools import cache
from pathlib import Path

from broadcaster.store.engine import open_engine
from broadcaster.store.migrating import upgrade


@cache
def _blank() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "blank.db"
        engine = open_engine(path, connections=1)
        upgrade(engine)
        engine.dispose()
        return path.read_bytes()


def blank(path: Path) -> Path:
    """Lay a book with all tables and no rows at a path."""
    path.write_bytes(_blank())
    return path

"""Backup: a copy of the book while it is written, and the way back from one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import DatabaseError

from broadcaster.model.errors import NotFound, OutOfReach
from broadcaster.store import dialects, schema
from broadcaster.store.engine import DRIVER, check, file_of, open_engine
from broadcaster.store.lock import BookLock
from broadcaster.store.migrating import upgrade

_BESIDE = ("", "-wal", "-shm")
"""The files that are one book; a log beside another book's file would damage it."""


def back_up(where: Path | str, to: Path) -> None:
    """Copy the book as it is at one moment, while others write; what stood at `to` is replaced at the end, or not.

    Raises:
        NotFound: book_missing.
        OutOfReach: book_broken: the copy could not be made, or is damaged.
    """
    part = to.with_name(to.name + ".part")
    part.unlink(missing_ok=True)
    with _open(file_of(where), read_only=True) as source, _open(part) as copy:
        with _reached(part), source.connect() as reading, copy.connect() as writing:
            source_file, copy_file = (end.connection.driver_connection for end in (reading, writing))
            source_file.backup(copy_file)  # type: ignore[union-attr]  # both are connected
        check(copy)
    _settle(part, to)


def restore(backup: Path, where: Path | str) -> int:
    """Put a backup in the place of the book, which is kept beside it as ``….before``.

    Returns:
        The new epoch: it is in order ids and in every welcome, so that what was ordered since the backup was made is
        not mistaken for what will be ordered now.

    Raises:
        NotFound: book_missing: there is no such backup.
        OutOfReach: book_locked (stop the service first), book_broken (the backup is damaged).
    """
    path = file_of(where)
    lock = BookLock(path)
    lock.take()
    try:
        part = path.with_name(path.name + ".part")
        back_up(backup, part)
        epoch = _raise_epoch(part, _epoch_of(path))
        for end in _BESIDE:
            if (old := path.with_name(path.name + end)).exists():
                old.replace(path.with_name(path.name + ".before" + end))
        _settle(part, path)
    finally:
        lock.let_go()
    return epoch


def _raise_epoch(path: Path, known: int) -> int:
    with _open(path) as engine:
        upgrade(engine)
        with engine.connect().execution_options(**{dialects.WRITING: True}) as connection, connection.begin():
            epoch = max(known, int(connection.execute(select(schema.epoch.c.n)).scalar_one())) + 1
            connection.execute(update(schema.epoch).values(n=epoch))
    return epoch


def _epoch_of(path: Path) -> int:
    """Return the epoch of the book that is replaced, 0 if it cannot tell: it may be why somebody restores."""
    try:
        with _open(path, read_only=True) as engine, engine.connect() as connection:
            return int(connection.execute(select(schema.epoch.c.n)).scalar_one())
    except (NotFound, OutOfReach, DatabaseError):
        return 0


@contextmanager
def _open(path: Path, *, read_only: bool = False) -> Iterator[Engine]:
    engine = open_engine(path, read_only=read_only, connections=1)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _reached(path: Path) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, DRIVER.Error) as error:
        raise OutOfReach("book_broken", path=str(path), why=str(error)) from error


def _settle(part: Path, to: Path) -> None:
    """Sync a finished file, give it its name, and sync that."""
    _sync(part)
    part.replace(to)
    _sync(to.parent)


def _sync(path: Path) -> None:
    held = os.open(path, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)

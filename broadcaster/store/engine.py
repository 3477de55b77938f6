"""Engine: how the book's file is opened, so that what was acknowledged survives a power cut."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import structlog
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from broadcaster.model.errors import Invalid, NotFound, OutOfReach
from broadcaster.store import dialects
from broadcaster.store.state import SqlState


def _driver() -> ModuleType:
    try:
        module = import_module("pysqlite3")
    except ImportError:  # no wheel for this machine: the version gate below decides what Python's own may do
        module = sqlite3
    # Unless told, the driver asks every NULL whether it can adapt itself: (m) 0.3 s of 10,000 deliveries.
    module.register_adapter(type(None), _as_it_is)
    return module


def _as_it_is(_: None) -> None:
    """Hand over nothing as nothing."""


DRIVER = _driver()

_log = structlog.get_logger(__name__)

BUSY_SECONDS = 5.0
READERS = 4
_FIXED_IN = (3, 51, 3)
_BACKPORTS = {(3, 44): 6, (3, 50): 7}


def is_fixed(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite may use WAL: others can corrupt it when two connections checkpoint at once.

    The fix is in 3.51.3, and in 3.44.6 and 3.50.7 of the older lines (sqlite.org/wal.html, "The WAL-reset bug").
    """
    return version >= _FIXED_IN or version[2] >= _BACKPORTS.get(version[:2], version[2] + 1)


def file_of(where: Path | str) -> Path:
    """Read where the book is: a path, or an SQLAlchemy URL of an SQLite file.

    Raises:
        Invalid: book_url: this database is not supported; it names those that are.
    """
    text = str(where)
    if "://" not in text:
        return Path(text)
    scheme, _, path = text.partition(":///")
    if scheme not in ("sqlite", "sqlite+pysqlite") or not path:
        raise Invalid(
            "book_url", scheme=text.partition("://")[0], supported="a file path, or sqlite:///path/to/file.db"
        )
    return Path(path)


def open_engine(
    where: Path | str, *, read_only: bool = False, module: ModuleType = DRIVER, connections: int = READERS
) -> Engine:
    """Open the book's database and check it.

    Args:
        read_only: for readers: no statement can write, and the file has to be there.
        module: the SQLite driver.
        connections: how many are open at most.

    Raises:
        Invalid: book_url.
        NotFound: book_missing: there is no file to read.
        OutOfReach: book_broken: no database, damaged, or no access to it.
    """
    path = file_of(where)
    if read_only and not path.is_file():
        raise NotFound("book_missing", path=str(path))
    if not read_only:
        _create(path)
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    engine = create_engine(
        URL.create("sqlite", database=str(path.absolute())),
        module=module,
        creator=lambda: module.connect(
            uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        ),
        pool_size=connections,
        max_overflow=0,
    )
    event.listen(engine, "connect", _Settings(is_fixed(module.sqlite_version_info), read_only))
    event.listen(engine, "begin", dialects.begin)
    return engine


def check(engine: Engine) -> None:
    """Look the whole file over: seconds for a large book, so once a start.

    Raises:
        OutOfReach: book_broken, with what was found.
    """
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars().all()
            journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            sync = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    except DatabaseError as error:
        raise OutOfReach("book_broken", path=engine.url.database, why=str(error.orig)) from error
    if found != ["ok"]:
        raise OutOfReach("book_broken", path=engine.url.database, why="; ".join(map(str, found)))
    version = ".".join(map(str, engine.dialect.dbapi.sqlite_version_info))  # type: ignore[union-attr]  # it has a driver
    _log.info("book opened", path=engine.url.database, sqlite=version, journal=journal, synchronous=sync)


@contextmanager
def open_readonly(where: Path | str) -> Iterator[SqlState]:
    """Open the book for one look by another process, such as the signer; nothing can be written through it.

    Raises:
        NotFound: book_missing.
        OutOfReach: book_broken.
    """
    reader = BookReader(where)
    try:
        with reader.moment() as state:
            yield state
    finally:
        reader.close()


class BookReader:
    """The book for another process, such as the signer: read only, and one consistent moment at a time."""

    def __init__(self, where: Path | str) -> None:
        self._engine = open_engine(where, read_only=True, connections=1)

    @contextmanager
    def moment(self) -> Iterator[SqlState]:
        """Look at the book as it is now; what is committed meanwhile is seen by the next look.

        Raises:
            OutOfReach: book_broken.
        """
        try:
            with self._engine.begin() as connection:
                yield SqlState(connection)
        except DatabaseError as error:
            raise OutOfReach("book_broken", path=self._engine.url.database, why=str(error.orig)) from error

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _create(path: Path) -> None:
    """Make the file for its owner alone, before the database makes it for everyone."""
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise OutOfReach("book_broken", path=str(path), why=error.strerror) from error


class _Settings:
    """What every connection is told before its first use."""

    def __init__(self, is_fixed: bool, read_only: bool) -> None:
        journal = ("journal_mode=WAL", "synchronous=FULL") if is_fixed else ("journal_mode=DELETE", "synchronous=EXTRA")
        # With recursive triggers a REPLACE is held up too by those that forbid to delete; a log that grew in a busy
        # hour is cut back to 64 MiB at its next start.
        own = ("query_only=ON",) if read_only else (*journal, "recursive_triggers=ON", f"journal_size_limit={64 << 20}")
        self._pragmas = ("foreign_keys=ON", "mmap_size=0", *own)

    def __call__(self, connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in self._pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

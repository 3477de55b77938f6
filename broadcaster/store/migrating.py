"""Migrating: brings a book's tables to the form that this version works with."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from broadcaster.model.errors import OutOfReach
from broadcaster.store import dialects

_SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the tables to a revision, in one transaction; nothing is done where they are there already.

    Raises:
        OutOfReach: book_newer: a later version of this software wrote the book; install that one.
    """
    with engine.connect().execution_options(**{dialects.WRITING: True}) as connection, connection.begin():
        is_at = MigrationContext.configure(connection).get_current_revision()
        config = _config(connection)
        scripts = ScriptDirectory.from_config(config)
        if is_at and is_at not in {script.revision for script in scripts.walk_revisions()}:
            raise OutOfReach("book_newer", revision=is_at)
        if is_at != (scripts.get_current_head() if to == "head" else to):
            command.upgrade(config, to)


def downgrade(engine: Engine, to: str) -> None:
    """Bring the tables back to an earlier revision; ``base`` is none."""
    with engine.connect().execution_options(**{dialects.WRITING: True}) as connection, connection.begin():
        command.downgrade(_config(connection), to)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config

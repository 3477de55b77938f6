"""Runs migrations on the connection that `broadcaster.store.migrating` hands over."""

from alembic import context

from broadcaster.store.schema import BOOK

context.configure(connection=context.config.attributes["connection"], target_metadata=BOOK)
# The caller's transaction is the one that counts.
context.run_migrations()

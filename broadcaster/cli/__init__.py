"""The command line: ``broadcaster``. Part of the composition root: it may know everything, and nothing knows it."""

from broadcaster.cli.app import main

__all__ = ["main"]

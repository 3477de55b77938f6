"""Demonstrating: the command ``demo``, a whole town on one machine."""

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""

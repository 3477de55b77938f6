"""A town with its pages, fresh for each test."""

from tests.web.api.conftest import built, settled_book, town

__all__ = ["built", "settled_book", "town"]

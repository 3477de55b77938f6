"""A town with its pages, fresh for each test."""

from tests.web.api.conftest import settled_book, town

__all__ = ["settled_book", "town"]

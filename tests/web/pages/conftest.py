"""A town with its pages, fresh for each test."""

from tests.web.api.conftest import town

__all__ = ["town"]

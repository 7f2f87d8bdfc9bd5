"""A made-up office, for demo mode and tests: it reads our files, works its cases, and answers as real offices do."""

from sync.mock.day import Habits
from sync.mock.office import Office

__all__ = ["Habits", "Office"]

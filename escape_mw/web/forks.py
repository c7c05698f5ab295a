"""What a child process begins with: no lock that another thread held while the parent forked."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What has something to begin anew in a child process."""

    def after_fork(self) -> None:
        """Begin anew, in the child."""


OBJECTS: weakref.WeakSet[Forked] = weakref.WeakSet()  # of this process


def tell_of_forks(one: Forked) -> None:
    """Call an object's `after_fork` in each child that is forked while it lives."""
    OBJECTS.add(one)


def _after_fork() -> None:
    for one in list(OBJECTS):
        one.after_fork()


if hasattr(os, "register_at_fork"):  # Unix only
    os.register_at_fork(after_in_child=_after_fork)

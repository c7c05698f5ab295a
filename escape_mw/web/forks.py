"""What a child process begins with: no lock that another thread held while the parent forked."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any


def after_fork(method: Callable[[], Any]) -> None:
    """Call a bound method in each child that is forked from now on, while its object lives.

    Systems without fork never call it.
    """
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if alive := reference():
            alive()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=call)

"""What an endpoint answers with: its request, and the parts of the rules that it may read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..decision.policy import Policy
from ..events.measurement import Measurement
from ..lab.setup import LabSetup
from ..web.request import Request
from .limiter import RateLimiter


class Context(NamedTuple):
    """One request to an address of this package.

    `moment` is the time in seconds since 1970. `lab` and `measurement` are None where they are off;
    `limiter` is the process's. `owner_of` tells whose a site token is, among the middlewares of
    this process; None for a forged one.
    """

    request: Request
    moment: int
    policy: Policy
    lab: LabSetup | None
    measurement: Measurement | None
    limiter: RateLimiter
    owner_of: Callable[[str], tuple[Policy, Measurement] | None]

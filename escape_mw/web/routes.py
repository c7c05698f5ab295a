"""What the middleware answers itself: one row for an address, made by the feature that owns it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .answers import Answer
from .request import Request

READ = ("GET", "HEAD")
POST = ("POST",)


class Route(NamedTuple):
    """Which requests are answered by `answer`; it may read a body, a file or a database.

    A `path` that ends with a slash stands for all below it. `answer` takes the request and the time
    in seconds since 1970, and returns None to leave the request to the site.
    """

    methods: tuple[str, ...]
    path: str
    answer: Callable[[Request, int], Answer | None]

    def fits(self, request: Request) -> bool:
        """Whether a request is for this route."""
        at = request.path
        is_here = at.startswith(self.path) if self.path.endswith("/") else at == self.path
        return is_here and request.method in self.methods


def answer_by(routes: Iterable[Route], request: Request, moment: int) -> Answer | None:
    """What the first route that fits answers, None to leave the request to the site."""
    route = next((route for route in routes if route.fits(request)), None)
    return route.answer(request, moment) if route else None

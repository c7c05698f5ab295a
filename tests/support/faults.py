"""What goes wrong around us: in a clock, a template, a path, a span or an edge server."""

from __future__ import annotations

import os
from datetime import date

from opentelemetry import trace

from escape_mw.edge.gate import Gate
from escape_mw.engine.notices import warn_of_old_facts

from .marked import set_clock

TEMPLATE = "{{ 1 // (LINK not in link) }}"


def break_clock(middleware):
    """Let every request fail before the site is asked."""
    set_clock(middleware, None)


def failing_template(folder, link):
    """Rules whose page cannot be made for one link, which nobody sees at the start."""
    file = folder / "failing.html"
    file.write_text(TEMPLATE.replace("LINK", repr(link)))
    return {"version": 1, "page": {"template": str(file)}}


def meet_a_stale_edge(stamp):
    """Let an edge server with an old configuration ask a gate."""
    gate = Gate({"version": 1}, "http://127.0.0.1:9")
    asked = {"HTTP_X_ESCAPE_STAMP": stamp, "PATH_INFO": "/_escape/health"}
    list(gate({"REQUEST_METHOD": "GET", **asked}, lambda *_: None))


class Path(os.PathLike):
    """A rules file's path at which, from the second reading on, something happens first."""

    def __init__(self, file, happens):
        self.file, self.happens = file, happens
        self.readings = 0

    def __fspath__(self):
        self.readings += 1
        if self.readings > 2:  # one names the file, the other reads it
            self.happens()
        return os.fspath(self.file)


class Span(trace.NonRecordingSpan):
    """A span of OpenTelemetry's, that fails as an event is noted in it."""

    def is_recording(self):
        raise LookupError("a span")


def in_failing_span():
    return trace.use_span(Span(trace.INVALID_SPAN_CONTEXT))


def age_facts():
    """Tell of facts as a release does that is nearly seven months old."""
    warn_of_old_facts("2026-05-01", date(2026, 11, 28))

"""Faults that a site's own surroundings bring in: a clock, a template, a path, a span."""

from __future__ import annotations

import os

from opentelemetry import trace

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

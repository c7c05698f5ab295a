"""The path patterns of the rules file.

`*` stands within a segment, `/**` for the rest, `{name}` for one segment.
A pattern becomes one anchored regular expression in which no two repeats touch, so matching stays
linear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

PART = re.compile(r"(\*\*|\*|\{[^{}]*\})")
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class PatternError(ValueError):
    """The pattern cannot be used; the message says why and what is allowed."""


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path pattern: as the rules file writes it, and as one regular expression."""

    source: str
    regex: re.Pattern[str]

    def fits(self, *paths: str) -> bool:
        """Whether one of these paths fits."""
        return any(self.regex.fullmatch(path) for path in paths)

    def contains(self, other: PathPattern) -> bool:
        """Whether whatever fits the other pattern fits this one: no segment is cut in its place."""
        return all(self.fits(path) for path in other.samples)

    @property
    def samples(self) -> tuple[str, ...]:
        """Paths that fit, with a text for each wildcard that no other pattern spells out."""
        start = self.source.removesuffix("/**")
        deeper = ("", "/", "/\0", "/\0/\0") if self.source.endswith("/**") else ("",)
        starts = {PART.sub("\0", start), PART.sub("\0", start.replace("*", ""))}
        return tuple(path + rest for path in starts for rest in deeper if path + rest)

    def captures(self, *paths: str) -> dict[str, str] | None:
        """What the first of these paths that fits captures, by name; None where none fits."""
        for path in paths:
            if match := self.regex.fullmatch(path):
                return match.groupdict()
        return None

    @property
    def over_target(self) -> str:
        """The same, over the path of a raw request target and what follows up to its query.

        It is written in what Python, PCRE and JavaScript share, and captures nothing.
        """
        plain = re.sub(r"\\([ #&~-])", r"\1", self.regex.pattern)  # escaped by Python alone
        plain = re.sub(r"\(\?P<\w+>", "(?:", plain)
        return plain.replace("[^/]", "[^/?]").replace("/.*", "/[^?]*")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the captures."""
        return tuple(self.regex.groupindex)


def compile_path(pattern: str) -> PathPattern:
    """Compile a path pattern such as "/listen/{slug}" or "/presave/**".

    The latter is /presave and all below it. One trailing slash fits too: frameworks add it.
    Raises PatternError where the pattern is not absolute, a segment holds more than one wildcard,
    `**` is not the last segment, a name is not a word or stands twice, or a capture is written as
    another framework does.
    """
    if not pattern.startswith("/"):
        raise PatternError("a path starts with '/'")
    if any(char in pattern for char in "?#%"):
        raise PatternError(
            "a path holds no '?', '#' or '%'; write it as people read it, without the query"
        )
    names: set[str] = set()
    *segments, last = pattern.split("/")
    compiled = "/".join(_segment(text, names) for text in segments)
    if last == "**":
        compiled += "(?:/.*)?"
    else:
        compiled += f"/{_segment(last, names)}{'/?' if last else ''}"
    return PathPattern(pattern, re.compile(compiled, re.DOTALL))


def _segment(text: str, names: set[str]) -> str:
    pieces = PART.split(text)
    if text.startswith(":") or any(set(piece) & set("<>{}") for piece in pieces[::2]):
        raise PatternError(f"{text!r}: a capture is written {{slug}}, in braces")
    if len(pieces) > 3:
        raise PatternError(
            f"{text!r} holds more than one wildcard; one for each segment is allowed"
        )
    if pieces[1:2] == ["**"]:
        raise PatternError("'**' stands alone, as the last segment")
    return "".join(_piece(piece, names) for piece in pieces)


def _piece(piece: str, names: set[str]) -> str:
    if piece == "*":
        return "[^/]*"
    if piece.startswith("{"):
        name = piece[1:-1]
        if not NAME.fullmatch(name) or name in names:
            raise PatternError(f"{piece} must be a lower-case word that stands once in the path")
        names.add(name)
        return f"(?P<{name}>[^/]+)"
    return re.escape(piece)


def fill(template: str, captures: Mapping[str, str]) -> str:
    """A URL template with a path's captures, each quoted whole: none leaves its segment."""
    return PLACEHOLDER.sub(
        lambda match: quote(captures[match[1]], safe="", errors="surrogateescape"), template
    )


def names_in(template: str) -> list[str]:
    """The placeholders of a template, in order."""
    return PLACEHOLDER.findall(template)

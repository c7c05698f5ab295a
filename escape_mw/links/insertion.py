"""Put one tag into a stream of HTML, right behind its `<head>`; every other byte stays as it came.

Before `<head>`, an HTML parser skips blanks, comments, a doctype and end tags of nothing, and reads
`<html>` (HTML, 13.2.6.4.1 to 13.2.6.4.3). Anything else opens the head by itself, and the tag is
put before it. A fragment (nothing says that it is a document) is not changed; nor are UTF-16, XML
without a `<head>`, and a body that has no head in its first `LIMIT` bytes.
"""

from __future__ import annotations

import re

LIMIT = 16 * 1024  # bytes that are held back at most
BOM = b"\xef\xbb\xbf"
SKIPPED = re.compile(
    rb"[\t\n\f\r ]+"
    rb"|<!--(?:-?>|.*?--!?>)"  # a comment
    rb"|<!(?!--)[^>]*>|<\?[^>]*>|</(?![a-zA-Z])[^>]*>",  # a doctype, and what becomes a comment
    re.DOTALL,
)
DOCTYPE = re.compile(rb"<!doctype", re.IGNORECASE)
TAG = re.compile(rb"<(/?[a-zA-Z][^\t\n\f\r />]*)(?=[\t\n\f\r />])")
BETWEEN = re.compile(rb"[\t\n\f\r /]*")
NAME = re.compile(rb"[^\t\n\f\r />][^\t\n\f\r />=]*")  # an attribute's; it may begin with "="
EQUALS = re.compile(rb"[\t\n\f\r ]*=[\t\n\f\r ]*")
UNQUOTED = re.compile(rb"[^\t\n\f\r >]*")
# End tags that open what is missing; all others are of nothing here.
OPENING_ENDS = (b"/head", b"/body", b"/html", b"/br")
SIGNS = frozenset((b"head", b"body", b"title", b"meta"))  # of a document without a doctype
NOWHERE = -1


class Insertion:
    """One document, chunk by chunk; `tag` is what is put in.

    What is sent is what `feed` returns, and at the end what `end` does. The place is looked for as
    the bytes come, however they are cut.
    """

    def __init__(self, tag: bytes, *, is_xml: bool = False) -> None:
        self._tag = tag
        self._is_xml = is_xml
        self._held = b""
        self._at = 0  # behind what is known to stand before the head
        self._is_document = False
        self._is_over = False

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that may be sent now that a chunk has come."""
        if self._is_over:
            return chunk
        self._held += chunk
        place = self._place(self._held[:LIMIT])
        if place is None:
            return b""
        held, self._held, self._is_over = self._held, b"", True
        return held if place == NOWHERE else held[:place] + self._tag + held[place:]

    def end(self) -> bytes:
        """What is still held back: the document ended before its head."""
        held, self._held, self._is_over = self._held, b"", True
        return held

    def _place(self, seen: bytes) -> int | None:
        """Where the tag belongs: NOWHERE, or None where that cannot be told yet."""
        if self._at == 0 and BOM.startswith(seen[: len(BOM)]):
            if len(seen) < len(BOM):
                return None
            self._at = len(BOM)
        while self._at < len(seen):
            if skipped := SKIPPED.match(seen, self._at):
                self._is_document |= not self._is_xml and bool(DOCTYPE.match(skipped[0]))
                self._at = skipped.end()
            elif not (tag := TAG.match(seen, self._at)):
                if not _may_become_a_tag(seen[self._at : self._at + 2]):
                    return self._here(b"")
                break
            else:
                name = tag[1] if self._is_xml else tag[1].lower()
                if not _may_stand_before_head(name):
                    return self._here(name)
                if (end := _end_of_tag(seen, tag.end())) is None:
                    break
                if name == b"head":
                    return end
                self._is_document |= name == b"html" and not self._is_xml
                self._at = end
        return None if len(seen) < LIMIT else NOWHERE

    def _here(self, name: bytes) -> int:
        """The place before what opens the head by itself: text, or a tag of this name."""
        return self._at if self._is_document or (name in SIGNS and not self._is_xml) else NOWHERE


def _may_stand_before_head(name: bytes) -> bool:
    """Whether a tag of this name leaves the head closed, or is its own."""
    return name in (b"html", b"head") or (name.startswith(b"/") and name not in OPENING_ENDS)


def _may_become_a_tag(start: bytes) -> bool:
    """Whether an incomplete tag or comment may begin with these bytes."""
    return start[:1] == b"<" and (start[1:] in (b"", b"!", b"?", b"/") or start[1:].isalpha())


def _end_of_tag(data: bytes, at: int) -> int | None:
    """Behind the ">" that ends a tag, whose name ends at `at`; one in a quoted value does not."""
    while (at := _match_end(BETWEEN, data, at)) < len(data):
        if data[at : at + 1] == b">":
            return at + 1
        at = _match_end(NAME, data, at)
        if not (equals := EQUALS.match(data, at)):
            continue
        at = equals.end()
        quote = data[at : at + 1]
        if quote in (b'"', b"'"):
            at = data.find(quote, at + 1) + 1
            if at == 0:
                return None
        else:
            at = _match_end(UNQUOTED, data, at)
    return None


def _match_end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    found = pattern.match(data, at)
    return found.end() if found else at

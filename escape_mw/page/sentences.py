"""What the page says: its buttons and the rows of the menu, in the visitor's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from ..decision.decisions import Page
from ..decision.entries import AppEntry, Menu
from ..decision.handoffs import TECHNIQUES
from ..decision.model import Step

Words = Mapping[str, str]
BROWSERS = {"open_safari": "Safari", "open_chrome": "Chrome"}


class Row(NamedTuple):
    """One thing to do: a sentence around what is shown as a sign, "" for none."""

    before: str
    sign: str = ""
    after: str = ""


class Speaker:
    """The page's words for one visit.

    `app` is the host app, None without a name. Its name and the service's stand in the sentences.
    """

    def __init__(self, words: Words, decision: Page, app: AppEntry | None) -> None:
        self._words = words
        self._to = decision.destination
        self._platform = decision.visitor.platform
        self._app = app
        self._names = {"service": self._to.name, "app": app.name if app else words["this_app"]}

    def say(self, key: str, **names: str) -> str:
        """A sentence, with the names in their places."""
        return self._words[key].format_map({**self._names, **names})

    def why(self) -> str:
        """Why this page is here."""
        opened = self.say("opened" if self._app else "opened_here")
        return f"{opened} {self.say(f'why_{self._to.goal}')}"

    def stay(self) -> str:
        """The way to stay."""
        return self.say("stay_in" if self._app else "stay")

    def pasted(self) -> str:
        """What to do with a copied link."""
        return self.say("paste_safari" if self._platform == "ios" else "paste_browser")

    def failed(self) -> str:
        """What did not open, where an earlier hand-off came back."""
        return self._of("failed", self._to.name if self._to.goal == "app" else None)

    def button(self, step: Step) -> dict[str, object]:
        """A step's button: what it says before, under way and after."""
        technique = TECHNIQUES[step.technique]
        is_app = technique.label == "open_service"
        name = self._to.name if is_app else BROWSERS.get(technique.label)
        return {
            "uri": step.uri,
            "technique": step.technique,
            "trigger": step.trigger,
            "settle_ms": step.settle_ms,
            "opens": technique.opens,
            "label": self.say(f"{self._to.call}_service" if is_app else technique.label),
            "opening": self._of("opening", name),
            "failed": self._of("failed", name),
            "hint": self.say("confirm") if step.asks else None,
        }

    def _of(self, key: str, name: str | None) -> str:
        return self.say(f"{key}_name", name=name) if name else self.say(f"{key}_browser")

    def menu(self, language: str) -> dict[str, object]:
        """The host app's own way out, in two rows, and its corner where that is known."""
        known = self._app.menu.get(self._platform) if self._app else None
        # Nobody has told where a bar that is written from right to left has its menu.
        corner = known.corner if known and self._words["direction"] == "ltr" else None
        rows = (self._sign_row(known, corner), self._label_row(known, language))
        return {"intro": self.say("menu_intro"), "rows": rows, "corner": corner}

    def _sign_row(self, known: Menu | None, corner: str | None) -> Row:
        if known is None:
            return Row(self.say("row_menu"))
        key = f"row_{corner.replace('-', '_')}" if corner else "row_sign"
        sign = self._words["share_sign"] if known.sign == "share" else known.sign
        return _row(self._words[key], "{sign}", sign)

    def _label_row(self, known: Menu | None, language: str) -> Row:
        label = known.label_in(language) if known else None
        if label:
            return _row(self._words["row_choose"], "{label}", label)
        similar = known.similar.get(language) if known else None
        label = similar or self._words["menu_label"]
        return _row(self._words["row_similar"], "{label}", label)

    def search(self, title: str | None, artist: str | None) -> Row | None:
        """The search for a release in the service's app, None where nobody can say what for."""
        if self._to.goal != "app" or not title:
            return None
        words = f"{artist} {title}" if artist else title
        return _row(self.say("row_search", words="{words}"), "{words}", words)


def _row(sentence: str, place: str, sign: str) -> Row:
    before, _, after = sentence.partition(place)
    return Row(before, sign, after)


def heading_of(decision: Page) -> str:
    """The release, else who shows it: a heading is never what a button says."""
    dress = decision.dress
    return dress.title or dress.brand or _host(decision) or decision.destination.name


def site_name_of(decision: Page) -> str:
    """Whose page this is, for below the heading; "" where the heading says it."""
    name = decision.dress.brand or _host(decision)
    return "" if name == heading_of(decision) else name


def preview_image(artwork: str | None, address: str) -> str:
    """The artwork as those who preview a link need it, whole; "" where it has no address."""
    if not artwork or artwork.startswith("data:"):
        return ""
    if not artwork.startswith("/"):
        return artwork
    site = urlsplit(address)
    return f"{site.scheme}://{site.netloc}{artwork}" if address else ""


def _host(decision: Page) -> str:
    return urlsplit(decision.address).hostname or ""

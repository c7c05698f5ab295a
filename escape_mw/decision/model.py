"""The values that flow through the middleware: frozen, and free of other modules' imports.

A request becomes a `Visit`; who asks becomes a `Visitor`; where to becomes a `Destination`. What is
done about it is a `Decision` (`decisions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from .dress import UNDRESSED, Dress

Phone = Literal["ios", "android"]
Platform = Literal["ios", "android", "desktop", "other"]
Goal = Literal["app", "browser"]
Trigger = Literal["redirect", "auto", "tap", "written"]
Confidence = Literal["documented", "observed", "single", "inferred"]
Call = Literal["open", "play", "listen", "watch"]
PHONES: tuple[Phone, ...] = get_args(Phone)
GOALS: tuple[Goal, ...] = get_args(Goal)


@dataclass(frozen=True, slots=True)
class Visit:
    """The facts of one request.

    `path` is the decoded path below the host (SCRIPT_NAME + PATH_INFO, UTF-8 with surrogate
    escapes), `below` the part of it below a mount, "" where there is none, `query` the raw query
    string without its marker, `host` the name that the request came in by, `url` the address as the
    visitor's browser shows it, None where it cannot be trusted, `root` the quoted path that the
    middleware stands at, `moment` the time in seconds since 1970. `headers` has lower-case names.
    `id` is random, "" where the visit is not measured; `seed` is what a share is drawn by for
    one that is not, "" for anew each time. `is_marked` says that a marker was taken out
    of the query, whatever it is worth. `is_tap` says that a link of this page was tapped, and the
    request is that tap.
    """

    method: str
    path: str
    query: str
    url: str | None
    host: str = ""
    user_agent: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    marker: Marker | None = None
    stay: Stay | None = None
    root: str = ""
    id: str = ""
    below: str = ""
    is_marked: bool = False
    moment: int = 0
    seed: str = ""
    dress: Dress = UNDRESSED
    is_tap: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """What a rule's path may fit: the whole path, and the part below the mount."""
        return (self.path, self.below) if self.below else (self.path,)


class Subject(NamedTuple):
    """What a token is about.

    `visit` is the visit's id, "" where it is not measured; `rule` the rule's key (`Rule.key`),
    `app` the host app's id, "" without a name.
    """

    visit: str = ""
    rule: str = ""
    app: str = ""
    platform: str = ""


NO_SUBJECT = Subject()


class Journey(NamedTuple):
    """What an event of a visit says besides its stage.

    `rule` is the rule's key, `app_version` the host app's major version; `experiment` and `arm` are
    "" outside of one. The visit's first event says all of it. Later ones leave out what their token
    does not know: version, service, kind and goal. `is_first` says which this is.
    """

    id: str
    rule: str = ""
    app: str = ""
    app_version: str = ""
    platform: str = ""
    service: str = ""
    kind: str = ""
    goal: str = ""
    experiment: str = ""
    arm: str = ""
    is_first: bool = False

    @property
    def subject(self) -> Subject:
        """What the visit's tokens say."""
        return Subject(self.id, self.rule, self.app, self.platform)


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marked URL says: the technique that was tried.

    `raw` is its value as it stood in the URL. `technique` is "" if the marker is too old, or of
    another form. `issued` is its date in seconds since 1970. Only a verified one, whose signature
    held, brings its visit with its `subject`; another one can only make the decision more careful.
    """

    raw: str
    technique: str
    subject: Subject = NO_SUBJECT
    issued: int = 0
    is_verified: bool = False
    is_expired: bool = False


class Stay(NamedTuple):
    """The visitor's choice to continue here: the site token of a measured visit, else "".

    `is_new` says that the tap has just been made, and its cookie is to be set.
    """

    token: str
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. `kind` is in-app (a named host app), webview (an unnamed one), bot or browser.

    `system_version` is the major version of the platform that the agent names, None where it names
    none; Apple froze it at 18 for iOS.
    """

    kind: Literal["in-app", "webview", "bot", "browser"]
    app: str | None = None
    platform: Platform = "other"
    app_version: str | None = None
    system_version: int | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the visit leads.

    `url` is kept byte for byte; `app_uri` is the music app's own address of it, if known. `call`
    is the word of the button that opens the app, `colour` the service's own, such as "#1ed760".
    """

    service: str
    name: str
    kind: str
    id: str | None
    url: str
    goal: Goal
    app_uri: str | None = None
    android_package: str | None = None
    call: Call = "open"
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One entry of the techniques table: what to try, how it may be fired, and how sure that is.

    `asks` says whether the host app asks the visitor before it opens another app. `settle_ms` is
    how long the page waits, in milliseconds, before it calls the hand-off failed; None is `wait`'s
    default, which leaves time for that question.
    """

    technique: str
    trigger: Trigger
    confidence: Confidence = "inferred"
    verified: str | None = None
    settle_ms: int | None = None
    source: str | None = None
    note: str | None = None
    asks: bool = False

    @property
    def wait(self) -> int:
        """How long the page waits for this step, in milliseconds."""
        return self.settle_ms or (8000 if self.asks else 2000)


@dataclass(frozen=True, slots=True)
class Step:
    """A step made ready for this visit: `uri` is what it opens, None where only words help.

    `asks` says whether the host app asks the visitor first, `settle_ms` how long the page waits.
    """

    technique: str
    trigger: Trigger
    uri: str | None
    settle_ms: int
    confidence: str
    asks: bool = False

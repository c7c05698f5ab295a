"""Android's reading of an intent: URI.

After the rules of AOSP's Intent.parseUri; checked against its own answers.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

EXTRAS = ("S.", "B.", "b.", "c.", "d.", "f.", "i.", "l.", "s.")


class DeadLinkError(ValueError):
    """The genuine parser throws: nothing opens."""


def parse(uri: str) -> dict[str, Any]:
    """What Android makes of the URI.

    Data, scheme, package, action, component, selector, categories, extras.
    """
    intent: dict[str, Any] = {
        "data": uri,
        "package": None,
        "action": "android.intent.action.VIEW",
        "component": None,
        "selector": False,
        "categories": [],
        "extras": {},
    }
    at = uri.rfind("#")
    if not uri.startswith("intent:") or at < 0 or not uri.startswith("#Intent;", at):
        return intent
    data, rest = uri[len("intent:") : at], uri[at + len("#Intent;") :]
    scheme, selecting = None, False
    while not rest.startswith("end"):
        if "=" not in rest or ";" not in rest:
            raise DeadLinkError("illegal Intent URI format")
        item, _, rest = rest.partition(";")
        name, _, value = item.partition("=")
        value = unquote(value)
        if item == "SEL":
            selecting = intent["selector"] = True
        elif name == "scheme" and not selecting:
            scheme = value
        elif name == "category":
            intent["categories"].append(value)
        elif name in ("package", "action", "component"):
            if not selecting:
                intent[name] = _component(value) if name == "component" else value
        elif name.startswith(EXTRAS):
            intent["extras"][unquote(name[2:])] = value
        elif name not in ("launchFlags", "type", "identifier", "sourceBounds"):
            raise DeadLinkError("unknown EXTRA type")
    intent["data"] = f"{scheme}:{data}" if scheme else data or None
    return intent


def parse_eagerly(uri: str) -> tuple[str, str]:
    """Data and items as a host app reads them that splits at the first "#Intent;"."""
    data, _, items = uri.partition("#Intent;")
    return data, items


def _component(value: str) -> str:
    package, _, name = value.partition("/")
    return f"{package}/{package}{name}" if name.startswith(".") else value


def host(data: str) -> str | None:
    """The host of an intent's data."""
    match = re.match(r"[a-z]+://([^/?#]*)", data)
    return match[1] if match else None

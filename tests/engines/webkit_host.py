#!/usr/bin/python3
"""An embedded browser as an iOS host app has it.

WebKitGTK with a delegate that judges every navigation.

It runs under the system's Python (python3-gi and gir1.2-webkit2-4.1 live there) on an X display,
and needs nothing of the project. It speaks JSON, one object a line: commands come in on stdin with
an `id`, replies and events go out on stdout. Addresses of this machine are loaded; every other
navigation is reported, and by the policy either *opened*, as by the operating system, so that the
host app goes to the background and its page is hidden, or ignored.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import Gdk, GLib, Gtk, WebKit2  # noqa: E402

HERE = ("http://127.0.0.1:", "about:")


def say(**words: Any) -> None:
    """One line to whoever drives us."""
    sys.stdout.write(json.dumps({"at": time.monotonic() * 1000, **words}) + "\n")
    sys.stdout.flush()


class Host:
    """The host app: one window, one webview at a time, one policy."""

    def __init__(self) -> None:
        self.window = Gtk.Window(default_width=390, default_height=844)
        self.context = WebKit2.WebContext.new_ephemeral()
        self.view: Any = None
        self.opens = "nothing"
        self.pending = b""
        for name in ("show", "hide"):
            self.window.connect(
                name, lambda _, shown=name == "show": say(event="window", shown=shown)
            )
        GLib.io_add_watch(
            0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, self.read
        )
        version = (
            WebKit2.get_major_version(),
            WebKit2.get_minor_version(),
            WebKit2.get_micro_version(),
        )
        say(event="ready", version=".".join(map(str, version)))

    # --- the delegate

    def decide(self, view: Any, decision: Any, kind: Any) -> bool:
        """Judge a navigation, as WKNavigationDelegate's decidePolicyFor would."""
        if kind == WebKit2.PolicyDecisionType.RESPONSE:
            return False
        uri = self.report(decision.get_navigation_action(), kind.value_nick)
        if uri.startswith(HERE):
            decision.use()
            return True
        decision.ignore()
        if view is self.view and self.is_opened(uri):
            GLib.idle_add(lambda: self.window.hide() or False)
        return True

    def create(self, _: Any, action: Any) -> None:
        """Judge a window that a script wants: there is none, but its URI may be opened."""
        if self.is_opened(self.report(action, "create")):
            GLib.idle_add(lambda: self.window.hide() or False)

    def report(self, action: Any, kind: str) -> str:
        """Tell of a navigation; its URI."""
        uri: str = action.get_request().get_uri()
        say(
            event="navigation",
            uri=uri,
            kind=kind,
            gesture=action.is_user_gesture(),
            redirect=action.is_redirect(),
            type=action.get_navigation_type().value_nick,
            frame=action.get_frame_name(),
        )
        return uri

    def is_opened(self, uri: str) -> bool:
        """Whether the policy lets the operating system have this URI.

        The policy is everything, nothing, or a scheme.
        """
        return not uri.startswith(HERE) and self.opens in ("everything", uri.partition(":")[0])

    # --- commands

    def read(self, *_: Any) -> bool:
        """Obey what has come in on stdin; end with it."""
        data = os.read(0, 65536)
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            number, name = command.pop("id"), command.pop("do")
            getattr(self, "do_" + name)(
                lambda value=None, number=number: say(reply=number, value=value), **command
            )
        if not data:
            Gtk.main_quit()
        return bool(data)

    def do_open(
        self,
        reply: Callable[..., None],
        url: str,
        agent: str,
        watch: str,
        opens: str,
        javascript: bool,
    ) -> None:
        """A fresh webview, in the foreground, that loads `url`; earlier ones are gone."""
        if self.view is not None:
            self.view.destroy()
        self.opens = opens
        self.view = WebKit2.WebView(web_context=self.context)
        where, when = (
            WebKit2.UserContentInjectedFrames.TOP_FRAME,
            WebKit2.UserScriptInjectionTime.START,
        )
        self.view.get_user_content_manager().add_script(
            WebKit2.UserScript.new(watch, where, when, None, None)
        )
        settings = self.view.get_settings()
        settings.set_user_agent(agent)
        settings.set_enable_javascript_markup(javascript)
        settings.set_enable_page_cache(True)
        settings.set_javascript_can_open_windows_automatically(False)
        for signal, handler in {
            "decide-policy": self.decide,
            "create": self.create,
            "load-changed": self.loading,
            "load-failed": self.failed,
        }.items():
            self.view.connect(signal, handler)
        self.window.add(self.view)
        self.window.show_all()
        self.do_load(reply, url)

    def do_load(self, reply: Callable[..., None], url: str) -> None:
        """The host app itself loads `url`."""
        reply(time.monotonic() * 1000)
        self.view.load_uri(url)

    def do_back(self, reply: Callable[..., None]) -> None:
        """The host app's back button."""
        self.view.go_back()
        reply()

    def do_show(self, reply: Callable[..., None], shown: bool) -> None:
        """The host app comes to the foreground, or goes."""
        self.window.set_visible(shown)
        reply()

    def do_script(self, reply: Callable[..., None], body: str) -> None:
        """Run the body of an asynchronous function in the page; reply with what it returns."""

        def done(view: Any, result: Any) -> None:
            try:
                reply(
                    {
                        "returned": json.loads(
                            view.call_async_javascript_function_finish(result).to_json(0) or "null"
                        )
                    }
                )
            except GLib.Error as error:
                reply({"raised": error.message})

        self.view.call_async_javascript_function(body, -1, None, None, None, None, done)

    def do_tap(self, reply: Callable[..., None], x: float, y: float) -> None:
        """Press and release the first button there.

        The toolkit's own events, so a visitor's gesture.
        """
        for kind in (
            Gdk.EventType.MOTION_NOTIFY,
            Gdk.EventType.BUTTON_PRESS,
            Gdk.EventType.BUTTON_RELEASE,
        ):
            event = Gdk.Event.new(kind)
            event.set_device(Gdk.Display.get_default().get_default_seat().get_pointer())
            part = event.motion if kind == Gdk.EventType.MOTION_NOTIFY else event.button
            part.window, part.send_event, part.time = (
                self.view.get_window(),
                True,
                int(time.monotonic() * 1000) & 0x7FFFFFFF,
            )
            part.x, part.y, part.x_root, part.y_root = x, y, x, y
            if kind != Gdk.EventType.MOTION_NOTIFY:
                part.button = 1
            if kind == Gdk.EventType.BUTTON_RELEASE:
                part.state = Gdk.ModifierType.BUTTON1_MASK
            Gtk.main_do_event(event)
        reply()

    # --- loading

    def loading(self, view: Any, stage: Any) -> None:
        """Tell that a page has loaded."""
        if view is self.view and stage == WebKit2.LoadEvent.FINISHED:
            say(event="loaded", uri=view.get_uri())

    def failed(self, view: Any, _: Any, uri: str, error: Any) -> bool:
        """Tell of a failed load, and show no page about it."""
        if view is self.view:
            say(event="failed", uri=uri, error=error.message)
        return True


if __name__ == "__main__":
    host = Host()
    Gtk.main()

"""The projects whose own tests are run: which version, what they need, and how they are run."""

from __future__ import annotations

from typing import NamedTuple


class Peer(NamedTuple):
    """A project. Its tests are run in its unpacked source distribution.

    `sha256` is the source distribution's. `needs` are its tests' requirements. `words` are what
    `runner` gets: pytest, or Django's own `runtests.py` (in `folder`). At least `least` tests must
    pass in the bare run. The wrapper loses the header `planted` when a fault is planted. `added`
    are files that the project's tests need and its source distribution leaves out.
    """

    name: str
    version: str
    sha256: str
    needs: tuple[str, ...]
    words: tuple[str, ...]
    least: int
    planted: str
    runner: str = "pytest"
    folder: str = "."
    added: tuple[tuple[str, str], ...] = ()


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "webtest",
            "3.0.7",
            "7aeab50f970d46c068e7a36dd162cb242591edf72a1d04efd21374772b931741",
            ("pytest==9.0.2", "PasteDeploy==3.1.0", "WSGIProxy2==0.5.1", "pyquery==2.0.1"),
            ("tests",),
            least=200,
            planted="Set-Cookie",
        ),
        Peer(  # one of its tests wants the agent of its own client, and so fails bare too
            "flask",
            "3.1.3",
            "0ef0e52b8a9cd932855379197dd8f94047b359ca0a78695144304cb45f87c9eb",
            ("pytest==9.0.2", "asgiref==3.11.0", "python-dotenv==1.2.1", "werkzeug==3.1.6"),
            ("tests",),
            least=480,
            planted="Set-Cookie",
        ),
        Peer(
            "whitenoise",
            "6.12.0",
            "f723ebb76a112e98816ff80fcea0a6c9b8ecde835f8ddda25df7a30a3c2db6ad",
            ("pytest==9.0.2", "brotli==1.2.0", "requests==2.32.5", "django==5.2.19"),
            ("tests",),
            least=125,
            planted="Content-Encoding",
            added=(
                ("__init__.py", "tests/__init__.py"),
                ("whitenoise_conftest.py", "tests/conftest.py"),
                ("whitenoise_utils.py", "tests/utils.py"),
            ),
        ),
        Peer(  # the newest version that runs on every Python of ours
            "django",
            "5.2.19",
            "ad03d8abc51dbff95ebf34b27123cf0c26a3b62db7ba0cd520783686362533d1",
            ("jinja2==3.1.6", "tblib==3.2.2"),
            ("test_client", "handlers", "middleware", "sessions_tests", "view_tests"),
            least=1090,
            planted="Set-Cookie",
            runner="django",
            folder="tests",
        ),
    )
}

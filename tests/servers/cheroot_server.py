"""Serve on cheroot: python -m tests.servers.cheroot_server PORT MODULE NAME."""

import sys
from importlib import import_module

from cheroot.wsgi import Server

if __name__ == "__main__":
    Server(
        ("127.0.0.1", int(sys.argv[1])), getattr(import_module(sys.argv[2]), sys.argv[3])
    ).start()

"""Serve on cheroot: python -m tests.servers.cheroot_server PORT bare|wrapped."""

import sys

from cheroot.wsgi import Server

from . import site

if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), getattr(site, sys.argv[2])).start()

"""The label's site, wrapped: these lines are all there is to it.

python examples/label_smartlinks/wrapped.py
"""

import sys
from pathlib import Path

from smartlinks import app as site
from waitress import serve

from escape_mw import EscapeMiddleware

app = EscapeMiddleware(site, Path(__file__).with_name("escape.yaml"))

if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)

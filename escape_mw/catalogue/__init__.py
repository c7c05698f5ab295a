"""The facts that ship with the package: who asks, where to, and how out.

The YAML files beside this one are the sources, for people; `catalogue.json` is made from them,
and `visitors.json` from their examples, for the tests of sites.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from ..decision.entries import Catalogue


@cache
def load() -> Catalogue:
    """The shipped catalogue, read once for each process."""
    text = files(__package__).joinpath("catalogue.json").read_text("utf-8")
    return Catalogue.from_data(json.loads(text))

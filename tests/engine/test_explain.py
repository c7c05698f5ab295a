"""`explain`: what would happen to a request, the same each time that it is asked."""

from __future__ import annotations

from escape_mw import load
from escape_mw.engine.explain import Explainer

from ..support.agents import TIKTOK_IOS
from ..support.examples import SECRET


def test_the_same_request_is_explained_the_same_every_time():
    """What is drawn for a visit, a share or an arm, is drawn for the record here."""
    half = {"path": "/half/**", "to": "page", "share": 50}
    trial = {"path": "/trial/**", "to": "page", "experiment": {"name": "spring", "holdout": 0.5}}
    rules = load({"version": 1, "secret": SECRET, "events": True, "rules": [half, trial]})
    for place in ("half", "trial"):
        records = [
            {"ua": TIKTOK_IOS, "url": f"https://site.example/{place}/{n}"} for n in range(200)
        ]
        first, second = (
            [Explainer(rules).decide(record)[0].reason for record in records] for _ in range(2)
        )
        assert first == second
        assert 60 < first.count("escape") < 140

"""Sites whose reports are looked at, by what happened there."""

from __future__ import annotations

from escape_mw.events.event import Tally

from ..support.visits import APP, FULL, NOON, visit

NAMES = {"tiktok": "TikTok", "instagram": "Instagram"}
EVIL = "<script>alert(1)</script>&\"'"


def trial(arm, successes, visits, stages=None, **more):
    """Visits of one arm, over ten closed days; those of the escape arm arrived."""
    stages = (FULL if arm == "escape" else ()) if stages is None else stages
    return [
        visit(
            *stages,
            experiment="oct",
            arm=arm,
            ago=3 + at % 10,
            outcomes=["presave"] * (at < successes),
            **more,
        )
        for at in range(visits)
    ]


def stopped():
    """Visits with a technique that worked until a week ago, ten a day."""
    how = {"app": "instagram", "platform": "ios", "technique": "extbrowser"}
    return [
        visit(*(FULL if ago > 6 else ["shown", "tapped"]), ago=ago, **how)
        for ago in range(30)
        for _ in range(10)
    ]


ARMS = ("escape", "holdout")
SITES = {
    "empty": [],
    "one": [visit(*FULL)],
    "music": [visit("tapped", "left", to=APP), visit("shown", to=APP)],
    "lift": [*trial("escape", 150, 700), *trial("holdout", 70, 700)],
    "small": [*trial("escape", 30, 200), *trial("holdout", 9, 200)],
    "mismatch": [*trial("escape", 150, 700), *trial("holdout", 70, 500)],
    "stopped": stopped(),
    "worse": [*trial("escape", 30, 700), *trial("holdout", 75, 700)],
    "crowded": [
        *[visit("shown", technique=f"way{at % 6}") for at in range(6 * 60)],
        *[visit(experiment=f"oct{at % 6}", arm="escape", ago=4) for at in range(60)],
    ],
    "silent": [*trial("escape", 0, 700), *trial("holdout", 0, 700)],
    "steady": [
        *(visit(*FULL, ago=ago, app=app) for app in NAMES for ago in range(30) for _ in range(5)),
        visit(*FULL, app="line"),
    ],
    "tried": [*trial("escape", 150, 700), *trial("holdout", 70, 700, stages=["shown"])],
    "groups": [
        *trial("escape", 120, 300, stages=FULL, hints="no"),
        *trial("escape", 30, 400, stages=["shown"]),
        *trial("holdout", 70, 700),
    ],
    "label": [
        *trial("escape", 150, 700, by="moon"),
        *trial("holdout", 70, 700, by="moon"),
        *stopped(),
        *[visit(*FULL, by="sun", ago=40 + at % 9) for at in range(90)],
    ],
    "lossy": [
        visit(*FULL),
        Tally("dropped", time=NOON, number=12),
        Tally("eligible", "pre-save", "tiktok", platform="ios", number=3, time=NOON),
    ],
    "strangers": [visit(*FULL), Tally("forged", time=NOON, number=10)],
    "few forged": [*[visit(*FULL) for _ in range(200)], Tally("forged", time=NOON, number=10)],
    "evil": [
        *trial("escape", 30, 60, app=EVIL, technique=f"{EVIL}way", to=(EVIL, "browser")),
        *[
            [event._replace(experiment=EVIL, outcome=event.outcome and EVIL) for event in each]
            for arm in ARMS
            for each in trial(arm, 20, 60)
        ],
        *stopped(),
    ],
}

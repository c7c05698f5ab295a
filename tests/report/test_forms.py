"""The forms of the report: sentences, text, HTML, JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache

import html5lib
import pytest

from escape_mw.events.event import Tally
from escape_mw.events.source import open_events
from escape_mw.report.counts import DAY, Scope
from escape_mw.report.digest import digest
from escape_mw.report.html import html
from escape_mw.report.machine import as_json
from escape_mw.report.readings import Plan
from escape_mw.report.summary import summary
from escape_mw.report.tasks import tasks
from escape_mw.report.text import WIDTH, text
from escape_mw.web.answers import source_hash, template_text

from ..support.visits import NOON, write
from .recorded import EVIL, NAMES, SITES


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The summary of a site's events."""

    @cache
    def written(site):
        url = f"sqlite:///{tmp_path_factory.mktemp(site) / 'events.sqlite3'}"
        write(url, Tally("capped", time=NOON, number=1), *SITES[site])
        return url

    def make(site, scope=None, plan=None, **more):
        with open_events(written(site)) as database, database.reading() as connection:
            return summary(connection, scope or Scope(), plan or Plan(), NOON, **more)

    return make


def prose(report):
    return " ".join(report.split())


SENTENCES = [
    pytest.param(
        "tried",
        {},
        "Experiment oct: 700 visits held out for comparison had an escape all the same.",
        id="nothing was held out",
    ),
    pytest.param(
        "tried",
        {},
        "Experiment oct, presave: no result. Held-out visits had an escape all the same",
        id="so there is no lift",
    ),
    pytest.param(
        "groups",
        {},
        "Visits on Android without client hints (programs, old browsers) are not split",
        id="bots in one arm",
    ),
    pytest.param(
        "groups",
        {},
        "On Android without client hints: 300 visits with escapes, 0 visits held out.",
        id="how many bots",
    ),
    pytest.param(
        "empty", {}, "No eligible visit was recorded, so there is nothing to report.", id="no data"
    ),
    pytest.param(
        "lift",
        {"scope": Scope("other", NOON)},
        "No eligible visit was recorded by rule 'other' since 2026-11-20, "
        "so there is nothing to report.",
        id="none in scope",
    ),
    pytest.param(
        "one",
        {},
        "Of 1 visit from inside an app, meant for the real browser, 1 (100.0%) arrived there.",
        id="the browser",
    ),
    pytest.param(
        "music",
        {},
        "Of 2 visits from inside an app, meant for a music app, 1 (50.0%) left the page. "
        "Music apps never report back, so it is unknown how many arrived.",
        id="a music app never reports",
    ),
    pytest.param(
        "lift",
        {},
        "Experiment oct, presave: escapes do better: about 80 more visits ended in presave than "
        "without them (39 to 121, at 95% confidence). That is between 43% and 222% more (now "
        "114%): of 1,000 visits with escapes 214 end in presave, of 1,000 held out 100.",
        id="a lift",
    ),
    pytest.param(
        "lift",
        {},
        "1,400 visits so far. +50% over the holdout's 10.0% is found by 2,439 visits in four of "
        "five experiments.",
        id="its size",
    ),
    pytest.param(
        "lift",
        {},
        "Sample ratio: 50.0% planned for the holdout "
        "(assumed; if another share was planned, give it with",
        id="what was assumed",
    ),
    pytest.param(
        "lift",
        {"plan": Plan(holdouts={"oct": 0.5})},
        "Sample ratio: 50.0% planned for the holdout (as in the rules)",
        id="what the rules say",
    ),
    pytest.param(
        "small",
        {},
        "Experiment oct, presave: too early to say. Of 400 visits so far, one of the two groups "
        "has 9 with presave; each needs at least 10.",
        id="too small",
    ),
    pytest.param(
        "small",
        {},
        "400 visits so far. +50% over the holdout's 4.5% is found by 5,852 visits",
        id="how many more",
    ),
    pytest.param(
        "mismatch",
        {},
        "Experiment oct, presave: no result, for the two groups do not have the planned sizes.",
        id="srm",
    ),
    pytest.param(
        "stopped",
        {},
        "Instagram 41 on iOS, to the real browser: extbrowser stopped working since 2026-11-15 "
        "(0.0% of 70 visits arrived in the last week, 100.0% before). Check it on a phone today. "
        "To go on without it, add to techniques: - {app: instagram, platform: ios, goal: browser, "
        "technique: extbrowser, enabled: false}",
        id="stopped",
    ),
    pytest.param(
        "lossy",
        {},
        "12 events were lost before they could be written, so every figure here is too low.",
        id="losses are a warning",
    ),
    pytest.param(
        "strangers",
        {},
        "10 reports had no valid signature, beside 1 eligible visits: either processes have "
        "different secrets, and every figure but the eligible visits is too low, or somebody "
        "sends forged reports.",
        id="forged reports that rival the visits are a warning",
    ),
    pytest.param(
        "lossy",
        {},
        "3 visits with a privacy signal (GPC, DNT): only counted as eligible",
        id="privacy signals",
    ),
    pytest.param(
        "lift",
        {},
        "You may look every day: the interval (a confidence sequence; Waudby-Smith and others) "
        "allows for it",
        id="peeking",
    ),
    pytest.param("lift", {}, "Every number counts visits, not people.", id="visits, not people"),
]


def test_a_few_forged_reports_are_no_warning(found):
    assert "had no valid signature" not in text(found("few forged"), NAMES)


@pytest.mark.parametrize(("site", "asked", "sentence"), SENTENCES)
def test_sentences(found, site, asked, sentence):
    """Text and HTML have the same sentences."""
    report = found(site, **asked)
    assert sentence in prose(text(report, NAMES))
    page = html5lib.parse(html(report, NAMES), namespaceHTMLElements=False)
    assert sentence in prose("".join(page.itertext()))


QUESTIONS = [
    pytest.param("moon real browser 700", id="which release?"),
    pytest.param(
        "They came from TikTok on Android (700), Instagram on iOS (300).", id="which app?"
    ),
    pytest.param("Every rule, 2026-10-22 to 2026-11-20 (UTC).", id="since when?"),
    pytest.param("Experiment oct, presave: escapes do better", id="is it worth it?"),
    pytest.param("extbrowser stopped working since 2026-11-15", id="what broke?"),
    pytest.param("To go on without it, add to techniques: - {app: instagram", id="what do I do?"),
    pytest.param("Of 1,000 visits (before: 90, +1011%)", id="compared with last month?"),
    pytest.param("(39 to 121, at 95% confidence)", id="how sure?"),
    pytest.param("about 80 more visits ended in presave", id="how many more pre-saves?"),
    pytest.param("This report holds counts only; it names no visitor.", id="who sees my data?"),
]
SCREENS = 2 * 30  # lines


@pytest.mark.parametrize("answer", QUESTIONS)
def test_a_label_managers_questions_are_answered_on_the_first_two_screens(found, answer):
    month = Scope(None, NOON - 30 * DAY, NOON + DAY)
    report = found("label", month, before=Scope(None, NOON - 60 * DAY, month.since), by="word")
    assert answer in prose("\n".join(text(report, NAMES).splitlines()[:SCREENS]))


def test_the_groups_of_an_experiment(found):
    """In both forms: held out, with escapes, and those of them that arrived or stayed."""
    report = found("groups")
    said = prose(text(report, NAMES))
    assert "held out 700 70 10.0%" in said
    assert "arrived 300 120 40.0%" in said
    assert "stayed 400 30 7.5%" in said
    page = prose(re.sub("<[^>]+>", " ", html(report, NAMES)))
    assert "Of them arrived 120 of 300 40.0%" in page
    assert "Stayed 30 of 400 7.5%" in page


TASKS = [
    pytest.param("tried", [("holdout", False)], id="nothing was held out, said once"),
    pytest.param("lift", [], id="nothing to do"),
    pytest.param("stopped", [("stopped", True)], id="a technique that stopped has a line to paste"),
    pytest.param("mismatch", [("refused", False)], id="an experiment without a result"),
    pytest.param("worse", [("worse", False)], id="an experiment whose escapes do worse"),
    pytest.param("silent", [("no-outcomes", False)], id="an experiment without outcomes"),
    pytest.param("lossy", [("lost", False)], id="lost events"),
    pytest.param("strangers", [("forged", False)], id="forged reports"),
    pytest.param("few forged", [], id="a few forged reports"),
    pytest.param("empty", [], id="no data"),
]


@pytest.mark.parametrize(("site", "expected"), TASKS)
def test_what_to_do(found, site, expected):
    report = found(site)
    done = tasks(report, NAMES)
    assert [(task.kind, bool(task.line)) for task in done] == expected
    data = json.loads(as_json(report, NAMES))
    assert [task["sentence"] for task in data["tasks"]] == [task.sentence for task in done]
    assert ("Nothing to do." in text(report, NAMES)) is not bool(expected)
    assert ("Nothing to do." in html(report, NAMES)) is not bool(expected)


@pytest.mark.parametrize("site", SITES)
def test_a_digest_is_short_and_plain(found, site):
    report = found(site)
    lines = digest(report, NAMES, "/srv/report.html").splitlines()
    assert len(lines) <= 12
    assert lines[-1] == "The whole report: /srv/report.html"
    assert (lines.index("To do:") if tasks(report, NAMES) else lines.index("Nothing to do.")) >= 2
    assert all(line == " ".join(line.split()) for line in lines), "no table"


def test_a_digest_of_much_says_how_much_more(found):
    lines = digest(found("crowded"), NAMES, "here").splitlines()
    assert len(lines) == 12
    assert [line for line in lines if line.startswith("And ")] == ["And 4 more.", "And 3 more."]


ORDER = ["What happened", "What to do", "Funnel to the real browser", "Experiment", "Do the techn"]


def test_the_order_is_what_happened_what_to_do_details(found):
    lines = text(found("evil"), NAMES).splitlines()
    rules = [at for at, line in enumerate(lines) if set(line) == {"-"}]
    heads = [lines[at - 1] for at in rules]
    page = html5lib.parse(html(found("evil"), NAMES), namespaceHTMLElements=False)
    for told in (heads, ["".join(head.itertext()).removeprefix("⚠ ") for head in page.iter("h2")]):
        places = [[head.startswith(one) for head in told].index(True) for one in ORDER]
        assert places == sorted(places), told
    assert heads[-1] == "How to read this"


def test_methods_are_named_in_the_details_alone(found):
    methods = re.compile("Wilson|sequence|intention to treat|Waudby|p value")
    before, _, after = text(found("lift"), NAMES).partition("How to read this")
    assert (methods.search(before), bool(methods.search(after))) == (None, True)
    page = html5lib.parse(html(found("lift"), NAMES), namespaceHTMLElements=False)
    for element in [*page.iter("details")]:
        element.clear()
    assert not methods.search("".join(page.itertext()))


def test_what_is_steady_is_one_line(found):
    report = found("steady")
    assert [row.status for row in report.health] == ["steady", "steady", "too-few"]
    assert (
        "2 techniques are steady.\n1 technique has too few visits to tell.\n\nOther counts"
    ) in text(report, NAMES)
    page = html5lib.parse(html(report, NAMES), namespaceHTMLElements=False)
    assert len(page.findall(".//details//li[@class='steady']")) == 2
    assert len(page.findall(".//li[@class='steady']")) == 2


@pytest.mark.parametrize("site", ["small", "mismatch", "empty", "one"])
def test_no_form_has_a_lift_that_cannot_be_read(found, site):
    report = found(site)
    assert not [
        line
        for line in text(report, NAMES).splitlines()
        if line.startswith(("lift ", "95% interval "))
    ]
    assert 'class="lift"' not in html(report, NAMES)
    assert [
        (data["lift"], data["days"]) for data in json.loads(as_json(report, NAMES))["experiments"]
    ] in ([], [(None, [])])


def test_text_table(found):
    lines = text(found("lift"), NAMES).splitlines()
    at = lines.index("Funnel to the real browser")
    assert lines[at + 2].split() == ["eligible", "tried", "left", "(weak)", "arrived", "(proof)"]
    rate = ["700", "100.0%", "(99.5", "to", "100.0%)"]
    assert lines[at + 3].split() == ["TikTok", "on", "Android", "700", *rate, *rate, *rate]
    assert lines[at + 4].split() == ["intent", *rate, *rate, *rate]
    assert lines[at + 5].split() == ["total", "700", *rate, *rate, *rate]
    assert "In addition, 700 eligible visits were held out for comparison." in lines


def test_text_of_a_music_app_has_no_arrivals(found):
    row = next(
        line for line in text(found("music"), NAMES).splitlines() if line.startswith("total")
    )
    assert row.split() == [
        "total",
        "2",
        "1",
        "50.0%",
        "(9.5",
        "to",
        "90.5%)",
        "1",
        "50.0%",
        "(9.5",
        "to",
        "90.5%)",
        "—",
    ]


def test_prose_is_wrapped_to_the_width(found):
    lines = text(found("small"), NAMES).splitlines()
    assert max(map(len, lines[: lines.index("Funnel to the real browser")])) <= WIDTH


# --- the page -------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", SITES)
def test_page_is_html(found, site):
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    page = parser.parse(html(found(site), NAMES))
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert Counter(ids).most_common(1)[0][1] == 1
    labelled = [
        element.get("aria-labelledby") for element in page.iter() if element.get("aria-labelledby")
    ]
    assert set(labelled) <= set(ids)


@pytest.mark.parametrize("site", SITES)
def test_page_makes_no_requests(found, site):
    page = html5lib.parse(html(found(site), NAMES), namespaceHTMLElements=False)
    for element in page.iter():
        assert element.tag not in {
            "script",
            "link",
            "img",
            "iframe",
            "object",
            "form",
            "image",
            "use",
        }
        assert not {"src", "href", "style", "srcset", "data", "action"} & set(element.attrib), (
            element.tag
        )
        assert not any(name.startswith("on") for name in element.attrib)
    style = page.find(".//style").text
    assert "url(" not in style
    assert "@import" not in style
    policy = page.find(".//meta[@http-equiv='Content-Security-Policy']").get("content")
    assert policy == (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {source_hash(style)}"
    )


def test_names_are_escaped(found):
    page = html(found("evil"), NAMES)
    assert EVIL not in page
    assert "<script" not in page
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    assert f"{EVIL} 41 on Android" in "".join(tree.itertext())
    assert any(element.text == f"{EVIL}way" for element in tree.iter("code"))
    assert EVIL in json.loads(as_json(found("evil"), NAMES))["experiments"][0]["experiment"]


def test_page_draws_a_lift(found):
    page = html5lib.parse(html(found("lift"), NAMES), namespaceHTMLElements=False)
    svg = "{http://www.w3.org/2000/svg}"
    chart = next(element for element in page.iter() if element.get("class") == "lift")
    assert chart.get("role") == "img"
    assert "The table below has every day" in chart.get("aria-label")
    assert len(chart.findall(f"{svg}polygon") or chart.findall("polygon")) == 1
    rows = [row for row in page.iter("tr") if (row.find("th").text or "").startswith("2026-11-")]
    assert len(rows) == 10


def test_every_chart_has_its_figures_as_text(found):
    """Charts are hidden from screen readers; the figures are next to them as text."""
    page = html5lib.parse(html(found("stopped"), NAMES), namespaceHTMLElements=False)
    for item in page.iter("li"):
        if (
            any(element.get("aria-hidden") for element in item)
            and item.find("b") is None
            and item.find("p") is not None
        ):
            assert re.search(r"\d|—", "".join(item.itertext()))


def test_contrast():
    """4.5:1 for text (WCAG 2.2, 1.4.3) and 3:1 for shapes (1.4.11), in each scheme."""

    schemes = re.findall(
        r":root\{([^}]*--page[^}]*)\}", template_text("escape_mw.report", "report.css")
    )
    assert len(schemes) == 3
    for scheme in schemes:
        colours = dict(
            part.split(":")
            for part in scheme.replace("--", "").split(";")
            if part.split(":")[1].startswith("#")
        )
        for ink, paper in [
            ("text", "page"),
            ("soft", "page"),
            ("alarm", "page"),
            ("alarm", "alarm-page"),
            ("text", "alarm-page"),
        ]:
            if ink in colours and paper in colours:
                assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper, colours)
        for shape in ("accent", "other"):
            assert contrast(colours[shape], colours["page"]) >= 3, shape


def contrast(one, other):
    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in channels
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# --- JSON -----------------------------------------------------------------------------------------


def keys(value, path=""):
    """Every key of a document, as a dotted path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from keys(inner, f"{path}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, path)


COUNTS = ("eligible", "held_out", "tried", "left", "arrived")
RATE = ("count", "of", "rate", "low", "high")
LIFT = [
    f"{what}.{part}" for what in ("difference", "ratio") for part in ("estimate", "low", "high")
]
KEYS = {
    *(
        "report",
        "made",
        "first",
        "last",
        "rule",
        "since",
        "until",
        "before",
        "by",
        "parts",
        "headline",
        "warnings",
        "tasks",
        "funnels",
        "experiments",
        "health",
        "tallies",
    ),
    *("funnels.goal", "funnels.lines", "funnels.total"),
    *(
        f"funnels.{part}.{name}"
        for part in ("lines", "total")
        for name in (
            "app",
            "platform",
            "technique",
            "eligible",
            "held_out",
            "tried",
            "left",
            "arrived",
        )
    ),
    *(
        f"funnels.{part}.{stage}.{name}"
        for part in ("lines", "total")
        for stage in ("tried", "left", "arrived")
        for name in RATE
    ),
    *(
        f"experiments.{name}"
        for name in (
            "experiment",
            "outcome",
            "escape",
            "holdout",
            "sample_ratio",
            "size",
            "said",
            "verdict",
            "more",
            "lift",
            "days",
        )
    ),
    *(f"experiments.{arm}.{name}" for arm in ("escape", "holdout") for name in RATE),
    *(f"before.{name}" for name in ("since", "until", "totals")),
    *(f"{where}.{name}" for where in ("before.totals", "parts") for name in ("goal", *COUNTS)),
    *(
        f"{where}.{stage}.{name}"
        for where in ("before.totals", "parts")
        for stage in ("tried", "left", "arrived")
        for name in RATE
    ),
    *(f"parts.{name}" for name in ("name", "outcomes", "outcomes.presave")),
    *(f"experiments.{arm}.{name}" for arm in ("arrived", "stayed") for name in RATE),
    *(f"experiments.{name}" for name in ("arrived", "stayed", "programs", "refused_for")),
    *(
        f"experiments.programs.{kind}"
        for name in ("hintless", "hasty")
        for kind in (name, f"{name}.escape", f"{name}.holdout")
    ),
    *(f"experiments.more.{name}" for name in ("estimate", "low", "high")),
    *(f"experiments.sample_ratio.{name}" for name in ("planned", "from")),
    *(
        f"experiments.size.{name}"
        for name in (
            "visits",
            "waiting",
            "begun",
            "earlier",
            "needed",
            "planned",
            "reached",
            "target_lift",
            "per_day",
            "days_left",
        )
    ),
    *(
        f"experiments.{part}.{'.'.join(name.split('.')[:depth])}"
        for part in ("lift", "days")
        for name in LIFT
        for depth in (1, 2)
    ),
    "experiments.days.day",
    *(
        f"health.{name}"
        for name in (
            *("app", "version", "platform", "goal", "technique", "weak", "before", "now", "ever"),
            *("status", "since", "override"),
        )
    ),
    *(f"health.{when}.{name}" for when in ("now", "ever") for name in ("count", "of", "rate")),
    *(f"tallies.{name}" for name in ("repeat", "forged", "capped", "dropped", "eligible")),
}


def test_json_keys_stay(found):
    more = {"before": Scope(None, NOON - 40 * DAY, NOON), "by": "rule"}
    assert set(keys(json.loads(as_json(found("lift", **more), NAMES)))) == KEYS


def test_json_says_what_the_text_says(found):
    data = json.loads(as_json(found("lift", Scope("pre-save", NOON - 20 * DAY)), NAMES))
    assert (data["report"], data["made"], data["rule"], data["since"]) == (
        2,
        "2026-11-20T12:00:00Z",
        "pre-save",
        "2026-10-31T12:00:00Z",
    )
    [experiment] = data["experiments"]
    assert experiment["escape"] == {
        "count": 150,
        "of": 700,
        "rate": pytest.approx(0.2143, abs=1e-4),
        "low": pytest.approx(0.1855, abs=1e-3),
        "high": pytest.approx(0.2461, abs=1e-3),
    }
    assert experiment["lift"]["ratio"]["estimate"] == pytest.approx(150 / 70)
    assert experiment["said"] == "better"
    assert [day["day"] for day in experiment["days"]][-1] == "2026-11-17"
    [funnel] = data["funnels"]
    assert (funnel["total"]["eligible"], funnel["total"]["held_out"]) == (700, 700)


def test_json_of_nothing(found):
    data = json.loads(as_json(found("empty"), NAMES))
    assert (
        data["first"],
        data["funnels"],
        data["experiments"],
        data["health"],
        data["tallies"]["capped"],
    ) == (None, [], [], [], 1)

"""What this package logs, by what it is about; tests/test_architecture.py holds it complete."""

MESSAGES = {
    "a decision": "%s%s rule=%r app=%s platform=%s service=%s",
    "plain http": "%r appears to be served over plain http; behind a TLS-terminating proxy, set"
    " base_url or use ProxyFix",
    "words that a page has not": "escape_mw.page: %.200r cannot be taken; it is a mapping with"
    " title, artist, artwork and accent, each text as in the rules file, artwork of another host"
    " under page.artwork_hosts",
    "a policy without a place for the script": "links: the site's Content-Security-Policy allows no"
    " script of the site itself; such pages are left alone",
    "an internal error": "internal error; the request was passed to the site unchanged",
    "an internal error in measuring": "internal error; the visit was not recorded",
    "an internal error at a redirect": "internal error; the site's response was sent unchanged",
    "an internal error at an outcome": "internal error; the outcome was not recorded",
    "an internal error at an edit": "internal error; the rules were not reloaded",
    "a failing body": "the body of a replaced redirect raised an exception",
    "a failing observer": "an observer raised an exception",
    "an arrival in the lab": "lab: %s (%s) in %s %s on %s, goal %s: %s",
    "the lab's file": "lab file %r is unusable, results are not stored: %.200r",
    "the start": "started: version=%s rules=%d mode=%s facts=%s",
    "old facts": "the facts about host apps are of %s, over six months old: look for a newer"
    " release of escape-mw",
    "an edit": "rules reloaded",
    "a broken edit": "rules not reloaded: %s",
    "broken rules, switched off": "switched off; the rules cannot be used: %s",
    "a failing sink": "event sink failed, will retry: %s: %.200r",
    "a refused event": "event sink refused an event, dropped: %s: %.200r",
    "two alike": "two middlewares of this process have the same secret and the same site, and"
    " record events in different places; give each a 'site' of its own, or outcomes may be lost",
    "a stale edge server": "the edge server's configuration is stale (stamp %r, now %r): write it"
    " again with escape-mw edge",
    "an event": "%s",
}

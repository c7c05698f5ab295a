"""The paths that this package answers itself, below wherever it stands; the one list of them."""

from __future__ import annotations

PREFIX = "/_escape/"
BEACON = f"{PREFIX}e"  # the page reports what happens on it
OUTCOME = f"{PREFIX}outcome/"  # a page of the site reports an outcome; its name follows
GO = f"{PREFIX}go"  # a tap on a plain link of the site's own page
LINKS = f"{PREFIX}links"  # the script that catches it: "-HASH.js" follows, or ".js"
LAB = f"{PREFIX}lab"
LAB_ARRIVED = f"{LAB}/arrived"
LAB_SAW = f"{LAB}/saw"
HEALTH = f"{PREFIX}health"  # of the gate

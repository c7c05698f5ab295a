"""The paths that this package answers itself, below wherever it stands; the one list of them."""

from __future__ import annotations

PREFIX = "/_escape/"
BEACON = f"{PREFIX}e"  # the page reports what happens on it
OUTCOME = f"{PREFIX}outcome/"  # a page of the site reports an outcome; its name follows
LAB = f"{PREFIX}lab"
LAB_ARRIVED = f"{LAB}/arrived"
LAB_SAW = f"{LAB}/saw"

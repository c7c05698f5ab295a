"""Events: what happened in a visit, in fixed words, with nothing about the visitor."""

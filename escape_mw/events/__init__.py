"""Events: what happened in a visit, in fixed words, told to sinks, with nothing about the visitor."""

"""In front of any site, in any language: the gate, and who is sent to it."""

"""The lab: every technique as a button for the phone in your hand, and a record of what got out."""

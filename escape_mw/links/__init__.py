"""Plain links on the site's own pages: the script that catches a tap, and the tag that loads it."""

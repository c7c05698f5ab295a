"""What the examples of many tests have in common."""

SITE = "https://site.example"
SECRET = "a secret for tests only"
TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
NOW = 1_800_000_000  # 2027-01-15

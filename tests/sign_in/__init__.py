"""Sign-ins by the libraries that sites use, in front of real browsers' cookies."""

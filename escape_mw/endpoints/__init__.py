"""The addresses that this package answers itself, below `/_escape/`."""

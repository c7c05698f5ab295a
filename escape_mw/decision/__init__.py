"""The decision alone: from the facts of a request and a policy to what is done about it.

Nothing here reads a file, renders a page or knows a server: it runs wherever Python does.
"""

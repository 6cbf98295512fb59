"""Decisions without I/O: the event stream of a session, presence, calls and floods. Time is always an argument."""

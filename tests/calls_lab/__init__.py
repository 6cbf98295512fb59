"""Calls in networks made of namespaces, with a real TURN server."""

"""Calls, measured and tested: networks made of namespaces, a real TURN server, speech, and scores of what arrives."""

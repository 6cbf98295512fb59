"""Calls: signaling and state in the client's process, sound and network in a child process of its own."""

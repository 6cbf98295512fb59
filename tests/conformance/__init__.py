"""The wire contract as a black box: a client that knows only the protocol page, against a daemon in its own process."""

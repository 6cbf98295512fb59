"""The terminal client: what a person sees and types. Everything that is remembered or sent is `msgclient`'s."""

"""The timeline without the terminal: which messages are held, how they become lines, and in which styles."""

"""The daemon under a kill, a full disk and a flood of broken frames, seen from outside."""

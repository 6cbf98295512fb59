"""What the actions do, by topic. Each function takes the desk and what was typed after the command."""

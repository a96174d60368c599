"""Groups of commands, the options that they share, and what a command shows while it works."""

"""The command line: Typer commands, one file a group, and one renderer."""

"""A run on disk: its records, and reading and writing one run folder."""

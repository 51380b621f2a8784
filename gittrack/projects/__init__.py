"""Projects: folders or Git repositories with commands to run, and their parameters."""

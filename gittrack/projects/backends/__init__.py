"""What runs jobs: one module each, listed in `choosing.BACKENDS`, or another package's plug-in."""

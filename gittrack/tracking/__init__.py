"""Logging: the active run, and the calls that MLflow's users know."""

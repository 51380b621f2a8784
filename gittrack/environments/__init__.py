"""Environments a project can run in: one module each, listed in `managers.MANAGERS`."""

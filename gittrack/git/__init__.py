"""Git: the only package that knows it."""

"""Taking out what is here, in forms that others read."""

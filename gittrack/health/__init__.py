"""Is the tree whole? Checking everything in it, and mending what can be mended."""

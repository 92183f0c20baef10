"""mltrack from Python, as a notebook or training code uses it."""

"""The cache on this disk, and the results of runs that it remembers. Knows no remote."""

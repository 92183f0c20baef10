"""Other projects: what is had of them, from the terminal."""

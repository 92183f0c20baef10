"""The runner that every project has, by its name."""

LOCAL = "local"
"""This machine. A runner that a project sets up may take the name over, with options of
its own.
"""

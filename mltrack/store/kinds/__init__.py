"""Bytes by name, somewhere else: the protocol, its kinds, and what is laid over all of
them. Knows no objects.
"""

"""A remote: objects, packs and indexes over a store of any kind, and what moves between
it and the cache.
"""

"""mltrack: data versions, pipelines and results beside git."""

__version__ = "0.1.0"

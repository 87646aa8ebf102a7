"""Tripmeter watches metered usage and acts on the very event that crosses a line.

This file owns the version and nothing else; `ARCHITECTURE.md` tells which room does what.
"""

__version__ = "0.1.0"

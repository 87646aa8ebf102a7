"""The 24 h dedupe tier: which identifiers were seen, exactly. Serves every store."""

from tripmeter.store.identifiers.tier import TieredIdentifiers

__all__ = ["TieredIdentifiers"]

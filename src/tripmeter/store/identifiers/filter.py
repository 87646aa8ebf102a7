"""A blocked Bloom filter: says "never added" for sure, and "perhaps" for what must be looked up.

A block is 256 bits, half a cache line, and a key sets two bits in each of its four words. Keys are
digests, so their own bits serve as the hash.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]

BITS_PER_KEY: Final = 16
"""At this density, about one key in a thousand that was never added reads as "perhaps"."""

_BLOCK_BITS: Final = 256
_WORDS: Final = 4
_SHIFTS: Final = np.arange(8, dtype=np.uint64).reshape(_WORDS, 2) * np.uint64(6)
_SIX_BITS: Final = np.uint64(63)
_ONE: Final = np.uint64(1)
_HALF: Final = np.uint64(32)
_MIX: Final = np.uint64(0x9E37_79B9_7F4A_7C15)


class Keys(NamedTuple):
    """Digests of 12 bytes as two columns: the first 8 bytes, by which runs are sorted, and 4."""

    high: U64
    low: U32

    def pick(self, chosen: npt.NDArray[np.intp]) -> "Keys":
        """Those at some indexes."""
        return Keys(self.high[chosen], self.low[chosen])


def as_keys(digests: bytes) -> Keys:
    """The columns of digests that stand one after the other."""
    table = np.frombuffer(digests, dtype=np.dtype([("high", ">u8"), ("low", ">u4")]))
    return Keys(table["high"].astype(np.uint64), table["low"].astype(np.uint32))


def masks_of(keys: Keys) -> U64:
    """The bits that each key sets in the four words of its block."""
    bits = keys.high ^ (keys.low.astype(np.uint64) * _MIX)
    places = (bits[:, None, None] >> _SHIFTS) & _SIX_BITS
    return np.asarray((_ONE << places[:, :, 0]) | (_ONE << places[:, :, 1]))


class BlockedBloom:
    """Room for `capacity` keys; adding more only makes "perhaps" more frequent."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        blocks = max(1, capacity * BITS_PER_KEY // _BLOCK_BITS)
        self._words = np.zeros((blocks, _WORDS), dtype=np.uint64)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return int(self._words.nbytes)

    def add(self, keys: Keys) -> None:
        """Add keys. Readers beside it see each bit either set or not, never something else."""
        blocks, masks = self._blocks(keys), masks_of(keys)
        for word in range(_WORDS):
            np.bitwise_or.at(self._words[:, word], blocks, masks[:, word])

    def may_contain(self, keys: Keys, masks: U64) -> Bools:
        """False where a key was never added, for sure. `masks` are `masks_of(keys)`."""
        held = self._words[self._blocks(keys)]
        return np.asarray(((held & masks) == masks).all(axis=1))

    def _blocks(self, keys: Keys) -> npt.NDArray[np.intp]:
        count = np.uint64(len(self._words))
        return np.asarray(((keys.high >> _HALF) * count) >> _HALF).astype(np.intp)

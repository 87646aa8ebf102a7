"""A blocked Bloom filter: says "never added" for sure, and "perhaps" for what must be looked up.

A block is one word of 64 bits, so a look is one access to memory, and a key sets five bits in it.
Keys are digests, so their own bits serve as the hash: the first ones choose the block, the last
ones the bits. A filter is kept in a file beside the runs that it covers:

    header   64 bytes: magic, blocks, first and last position, keys, their sum, checksums
    words    blocks * 8 bytes
"""

import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tripmeter.model.digests import Digests
from tripmeter.store.identifiers.files import FILTER, write_file

U64 = npt.NDArray[np.uint64]
Indexes = npt.NDArray[np.int64]

BITS_PER_KEY: Final = 16
"""At this density, about four keys in a thousand that were never added read as "perhaps"."""

_WORD_BITS: Final = 64
_BITS_SET: Final = 5
_PATTERN_BITS: Final = 14
_HALF: Final = np.uint64(32)
_PATTERN: Final = np.uint32(2**_PATTERN_BITS - 1)

_MAGIC: Final = b"TMIDFIL1"
_HEADER: Final = struct.Struct("<8s5QII8x")
_COVER: Final = struct.Struct("<5Q")


def _patterns() -> U64:
    """Words with some bits set, as random as the constants of splitmix64 make them."""
    mixed = np.arange(1, 2**_PATTERN_BITS + 1, dtype=np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    words = np.zeros_like(mixed)
    for at in range(_BITS_SET):
        words |= np.uint64(1) << ((mixed >> np.uint64(6 * at)) & np.uint64(_WORD_BITS - 1))
    return words


_PATTERNS: Final = _patterns()


class Probe(NamedTuple):
    """What every filter needs of a column of keys, worked out once."""

    place: U64
    """32 bits that choose the block."""

    mask: U64
    """The bits that a key sets in its block."""


def probe_of(keys: Digests) -> Probe:
    """How keys are asked for."""
    return Probe(keys.high >> _HALF, _PATTERNS.take(keys.low & _PATTERN))


class BlockedBloom:
    """Room for `capacity` keys; adding more only makes "perhaps" more frequent."""

    def __init__(self, words: U64) -> None:
        self.words = words
        self._blocks = np.uint64(len(words))

    @classmethod
    def of_capacity(cls, capacity: int) -> "BlockedBloom":
        """An empty one."""
        return cls(np.zeros(max(1, capacity * BITS_PER_KEY // _WORD_BITS), dtype=np.uint64))

    @property
    def capacity(self) -> int:
        """How many keys there is room for."""
        return len(self.words) * _WORD_BITS // BITS_PER_KEY

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return int(self.words.nbytes)

    def add_sorted(self, keys: Digests) -> None:
        """Add keys in the order of `high`. Readers beside it see each bit either set or not."""
        if not len(keys.high):
            return
        probe = probe_of(keys)
        blocks = self._at(probe)
        starts = np.flatnonzero(np.diff(blocks, prepend=-1))
        blocks = blocks.take(starts)
        merged = np.bitwise_or.reduceat(probe.mask, starts)
        self.words[blocks] = self.words.take(blocks) | merged

    def candidates(self, probe: Probe) -> Indexes:
        """The indexes of those that may have been added; all others never were, for sure."""
        held = self.words.take(self._at(probe))
        held &= probe.mask
        return np.flatnonzero(held == probe.mask)

    def _at(self, probe: Probe) -> Indexes:
        return ((probe.place * self._blocks) >> _HALF).view(np.int64)


class Cover(NamedTuple):
    """Which keys a filter holds: all of the runs between two positions."""

    first: int
    last: int
    keys: int
    key_sum: int
    """The sum of `high` of all keys, modulo 2^64: no other set of keys has it, but by accident."""


def filter_path(folder: Path, first: int) -> Path:
    """The file of the filter that begins at a position; a newer one takes its place."""
    return folder / f"{first:020d}{FILTER}"


def save_filter(folder: Path, cover: Cover, bloom: BlockedBloom) -> None:
    """Write a filter, whole or not at all."""

    def write(file: BinaryIO) -> None:
        fields = (len(bloom.words), *cover)
        file.write(_HEADER.pack(_MAGIC, *fields, zlib.crc32(bloom.words.data), _checksum(fields)))
        file.write(bloom.words.data)

    write_file(filter_path(folder, cover.first), write)


def read_cover(path: Path) -> Cover:
    """What a filter's file says that it covers. Raises ValueError for a file that is none."""
    with path.open("rb") as file:
        return _read_head(file, path)[1]


def load_filter(path: Path) -> BlockedBloom:
    """Read a filter. Raises ValueError for a file that is damaged."""
    with path.open("rb") as file:
        blocks, _, checksum = _read_head(file, path)
        words = np.fromfile(file, np.uint64)
    if len(words) != blocks or zlib.crc32(words.data) != checksum:
        raise ValueError(f"{path} is damaged")
    return BlockedBloom(words)


def _read_head(file: BinaryIO, path: Path) -> tuple[int, Cover, int]:
    raw = file.read(_HEADER.size)
    if len(raw) < _HEADER.size:
        raise ValueError(f"{path} is too short to be a filter")
    magic, blocks, first, last, keys, key_sum, checksum, own = _HEADER.unpack(raw)
    if magic != _MAGIC or own != _checksum((blocks, first, last, keys, key_sum)):
        raise ValueError(f"{path} is damaged")
    return blocks, Cover(first, last, keys, key_sum), checksum


def _checksum(fields: tuple[int, ...]) -> int:
    return zlib.crc32(_COVER.pack(*fields))

"""How identifiers become digests: by a secret of the store, so that nobody can forge a collision.

Three sums `(key0 + key1 * word1 + key2 * word2 + ...) mod 2^64`, of which the upper 32 bits are
kept: multilinear hashing, strongly universal (Dietzfelbinger 1996; Lemire and Kaser 2014). Two
identifiers agree with a chance of 2^-96, whatever they are, as long as the keys are secret; and a
column of them is one product of matrices. A digest in the usual sense would cost ten times as much.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tripmeter.model.digests import Digests
from tripmeter.model.scope import Scope

U64 = npt.NDArray[np.uint64]

_WORD: Final = 4
_MOST_WORDS: Final = 128
"""An identifier has at most 100 characters of at most 4 bytes, and derived ones have fewer."""

_LANES: Final = 3
_HALF: Final = np.uint64(32)
_ROWS: Final = 4096
"""Identifiers hashed at a time: the matrix of the longest stays below 2 MB."""


class Identity:
    """Makes digests with one store's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        raw = hashlib.shake_256(b"identifiers" + secret).digest(8 * _LANES * (_MOST_WORDS + 1))
        keys = np.frombuffer(raw, dtype="<u8").astype(np.uint64).reshape(_MOST_WORDS + 1, _LANES)
        self._of_length, self._of_words = keys[0], keys[1:]
        self._scopes: dict[tuple[Scope, str], U64] = {}

    @property
    def name(self) -> str:
        """Tells digests of this secret, made in this way, from others."""
        return hashlib.blake2b(b"multilinear" + self._secret, digest_size=8).hexdigest()

    def origin(self, scope: Scope, kind: str = "") -> U64:
        """Where the sums of a scope begin: the same identifier of another one is another.

        `kind` tells apart what else has digests beside identifiers.
        """
        held = self._scopes.get((scope, kind))
        if held is None:
            text = f"{scope.account}|{int(scope.livemode)}|{kind}".encode()
            raw = hashlib.blake2b(text, digest_size=8 * _LANES, key=self._secret[:64]).digest()
            held = self._scopes[scope, kind] = np.frombuffer(raw, dtype="<u8").astype(np.uint64)
        return held

    def digests(self, origins: U64, texts: Sequence[str]) -> Digests:
        """The digests of texts; `origins` is that of all, or has one row for each."""
        sums = origins + np.concatenate(
            [self._sums(texts[at : at + _ROWS]) for at in range(0, max(len(texts), 1), _ROWS)]
        )
        lanes = sums >> _HALF
        return Digests((lanes[:, 0] << _HALF) | lanes[:, 1], lanes[:, 2].astype(np.uint32))

    def _sums(self, texts: Sequence[str]) -> U64:
        words, lengths = _as_words(texts)
        keys = self._of_words[: words.shape[1]]
        return np.asarray(words @ keys + lengths[:, None] * self._of_length)


def _as_words(texts: Sequence[str]) -> tuple[U64, U64]:
    """The bytes of texts in words of 32 bits, a row each, and how many bytes they have."""
    joined = "".join(texts)
    if joined.isascii():
        raw, lengths = joined.encode(), np.fromiter(map(len, texts), np.int64, len(texts))
    else:
        encoded = [text.encode() for text in texts]
        raw, lengths = b"".join(encoded), np.fromiter(map(len, encoded), np.int64, len(texts))
    longest = int(lengths.max(initial=0))
    width = -(-longest // _WORD) * _WORD
    table = np.zeros((len(texts), width), dtype=np.uint8)
    content = np.frombuffer(raw, dtype=np.uint8)
    if len(raw) == longest * len(texts):
        table[:, :longest] = content.reshape(len(texts), longest)
    else:
        table[np.arange(width) < lengths[:, None]] = content
    return table.view("<u4").astype(np.uint64), lengths.astype(np.uint64)

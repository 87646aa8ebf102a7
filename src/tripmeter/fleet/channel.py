"""A channel: messages on one end of an inherited pair of sockets, each with its length in front."""

import asyncio
import pickle
import socket
from abc import abstractmethod
from typing import Any, Final

from tripmeter.fleet.messages import Message

_LENGTH: Final = 4


class Channel(asyncio.Protocol):
    """One end, for an event loop. Nothing is read or written outside of it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    @abstractmethod
    def received(self, message: Any) -> None:
        """Take a message of the other end."""

    def send(self, message: Message) -> None:
        """Send a message; nothing happens if the other end is gone."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(framed(message))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The loop has taken over the socket."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take all messages that are complete."""
        buffer = self._buffer
        buffer += data
        begin = 0
        while len(buffer) - begin >= _LENGTH:
            end = begin + _LENGTH + int.from_bytes(buffer[begin : begin + _LENGTH])
            if end > len(buffer):
                break
            with memoryview(buffer)[begin + _LENGTH : end] as body:
                message = pickle.loads(body)
            begin = end
            self.received(message)
        del buffer[:begin]


def framed(message: Any) -> bytes:
    """A message as it stands on the socket."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(_LENGTH) + body


def read_first(end: socket.socket) -> Any:
    """The first message on a socket, before a loop has it. Raises EOFError."""
    return pickle.loads(_read(end, int.from_bytes(_read(end, _LENGTH))))


def _read(end: socket.socket, size: int) -> bytes:
    read = bytearray()
    while len(read) < size:
        piece = end.recv(size - len(read))
        if not piece:
            raise EOFError("the engine has ended")
        read += piece
    return bytes(read)

"""R: Redis, one call of a script per event, with its log fsynced always.

The script dedupes for 24 hours, advances the customer's total and compares it with 25 limits. Its
totals are 64-bit integers; Redis has no exact decimals. Spared: HTTP, decoding, hours, history (an
event leaves nothing but its identifier and its part of a total).
"""

import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bodies import CUSTOMER, IDENTIFIER, VALUE, Events, Packed
from figures import Skipped
from support.server import free_port

SCRIPT: Final = b"""
if not redis.call('SET', 'i:' .. ARGV[1], 1, 'NX', 'EX', 86400) then return -1 end
local total = redis.call('HINCRBY', 'totals', KEYS[1], ARGV[2])
for limit = 1, 25 do
  if total >= 1000000000000 + limit then redis.call('SADD', 'fired:' .. limit, KEYS[1]) end
end
return total
"""
SETTINGS: Final = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


def command(*words: bytes) -> bytes:
    """A command as Redis reads it."""
    parts = (b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%s" % (len(words), b"".join(parts))


def calls(events: Events) -> Packed:
    """One call of the script per event."""
    sha = hashlib.sha1(SCRIPT).hexdigest().encode()
    words = (b"EVALSHA", sha, b"1", b"cus_" + CUSTOMER, IDENTIFIER, VALUE)
    return Packed(command(*words), events)


@contextmanager
def redis_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process id of a server that knows the script. Raises Skipped without Redis."""
    program = shutil.which("redis-server")
    if program is None:
        raise Skipped("no redis-server is installed")
    port = free_port()
    where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    running = subprocess.Popen([program, *where, *SETTINGS], stdout=subprocess.DEVNULL)
    try:
        _load_script(port)
        yield port, running.pid
    finally:
        running.terminate()
        running.wait()


def _load_script(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
                link.sendall(command(b"SCRIPT", b"LOAD", SCRIPT))
                if link.recv(100).startswith(b"$40"):
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError("redis-server did not start")
        time.sleep(0.05)

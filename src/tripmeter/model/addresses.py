"""Which network addresses a tenant's URL may lead to. Pure: resolves nothing, opens nothing.

Owns the list of what is not public and the spellings under which a private address hides.
`check_url` is the courtesy at endpoint creation; the guarantee is `refusal`, which the poster
asks about every resolved address before it connects (notify/addresses.py).
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

Reason = Literal[
    "not_an_address",
    "unspecified",
    "loopback",
    "link_local",
    "multicast",
    "private",
    "cloud_platform",
    "not_public",
]
IPAddress = IPv4Address | IPv6Address

GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
"""Well-known NAT64 prefix (RFC 6052): the last 32 bits are the IPv4 address that is reached."""
CLOUD_PLATFORM = (IPv4Address("168.63.129.16"),)
"""Azure's host agent: a public number that answers inside every Azure machine only."""
UNLISTED = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("3fff::/20"),
)
"""IANA special-purpose blocks that `is_global` of some supported Pythons takes for public."""

_PHRASES: dict[Reason, str] = {
    "not_an_address": "is not an address",
    "unspecified": "is the unspecified address",
    "loopback": "is this machine itself",
    "link_local": "is a link-local address",
    "multicast": "is a multicast address",
    "private": "is a private address",
    "cloud_platform": "is an address of the cloud platform",
    "not_public": "is a reserved address",
}
_UNSAFE = re.compile(r"[\s\\\x00-\x20\x7f]")
_NUMBER = re.compile(r"(?P<hex>0x[0-9a-f]*)|(?P<oct>0[0-7]*)|(?P<dec>[1-9][0-9]*)")
_MOST_DIGITS = 40


def refusal(address: str) -> Reason | None:
    """Why no webhook may go to this IP address; None if it is public.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is judged by what it carries.
    Teredo, and whatever else lies outside the global unicast space, is refused as a whole.
    """
    try:
        ip = _carried(ip_address(address))
    except ValueError:
        return "not_an_address"
    return next((reason for reason, holds in _REASONS if holds(ip)), None)


def check_url(url: str, allow_private: bool) -> str | None:
    """What is wrong with a webhook URL and what to do, as a sentence; None if it may be stored.

    With `allow_private` the host may be anything (self-hosting, tests); the form is still checked.
    """
    if _UNSAFE.search(url):
        return "The URL contains a space, a control character or a backslash; percent-encode it."
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises when out of range)
    except ValueError as error:
        return f"The URL cannot be read ({error}); check its host and port."
    return _fault_of_form(parts) or (None if allow_private else _fault_of_host(parts))


def host_refusal(host: str) -> Reason | None:
    """Why a URL's host is refused unresolved: a local name, or a private address however spelt.

    None for every other name: what it resolves to is judged when connecting.
    """
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return "loopback"
    literal = _literal(name)
    return refusal(str(literal)) if literal else None


def describe(reason: Reason) -> str:
    """The reason as the end of a sentence whose subject is an address."""
    return _PHRASES[reason]


def _carried(ip: IPAddress) -> IPAddress:
    """The IPv4 address that is reached in the end, if `ip` is a wrapper around one."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _is_not_public(ip: IPAddress) -> bool:
    outside = isinstance(ip, IPv6Address) and ip not in GLOBAL_UNICAST_V6
    return outside or not ip.is_global or any(ip in network for network in UNLISTED)


_REASONS: Sequence[tuple[Reason, Callable[[IPAddress], bool]]] = (
    ("unspecified", lambda ip: ip.is_unspecified),
    ("loopback", lambda ip: ip.is_loopback),
    ("link_local", lambda ip: ip.is_link_local),
    ("multicast", lambda ip: ip.is_multicast),
    ("private", lambda ip: ip.is_private and not ip.is_reserved),
    ("cloud_platform", lambda ip: ip in CLOUD_PLATFORM),
    ("not_public", _is_not_public),
)


def _fault_of_form(parts: SplitResult) -> str | None:
    if parts.scheme not in ("http", "https"):
        return "The URL must start with https:// or http://."
    if not parts.hostname:
        return "The URL has no host; write it as https://example.com/webhooks."
    if "@" in parts.netloc:
        return "The URL carries a user name or password; leave it out and check the signature."
    return None


def _fault_of_host(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    reason = host_refusal(host)
    if reason is None:
        return None
    return (
        f"The URL's host {host} {describe(reason)}; webhooks go to public addresses only. "
        "Use a public host, or have the operator allow private addresses."
    )


def _plain(host: str) -> str:
    """One spelling for look-alikes: full-width digits and dots, capitals, the root's dot."""
    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().removesuffix(".")


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return _ipv4_as_the_c_library_reads_it(host)


def _ipv4_as_the_c_library_reads_it(host: str) -> IPv4Address | None:
    """inet_aton: one to four numbers, decimal, 0octal or 0xhex; the last fills what is left."""
    numbers = [_number(part) for part in host.split(".")]
    if len(numbers) > 4 or None in numbers:
        return None
    *head, last = [number for number in numbers if number is not None]
    room = 256 ** (4 - len(head))
    if last >= room or any(number > 255 for number in head):
        return None
    return IPv4Address(int.from_bytes(bytes(head)) * room + last)


def _number(text: str) -> int | None:
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > _MOST_DIGITS:
        return None
    if found["hex"]:
        return int(text[2:] or "0", 16)
    return int(text, 8 if found["oct"] else 10)

"""The dashboard's page: the files that `make dashboard` builds, at `/dashboard/`.

They are few and small, so all of them are in memory, and nothing that a request names is looked for
on the disk. What the page may do is said here, once, for all: load from this host alone, run
no script that is not a file of it, be framed by nobody.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

INDEX: Final = "index.html"
HASHED: Final = "assets/"
"""Below it, a file's name has a digest of its content: it never changes."""

POLICY: Final = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

_SAFE: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

_PACKED: Final = {"br": ".br", "gzip": ".gz"}
"""Encodings in which a file may lie beside itself, the better one first."""

_MISSING: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Tripmeter</title>"
    "<h1>The dashboard is not built</h1><p>Run <code>make dashboard</code> in the source folder, "
    "and load this page again. Wheels have it built in.</p></html>"
)


class File(NamedTuple):
    """A file as it is sent."""

    body: bytes
    media_type: str
    etag: str
    packed: Mapping[str, bytes]
    """By encoding."""


def site_routes(folder: Path | None = None) -> list[Route]:
    """`/dashboard/` and all below it, for GET and HEAD; none of it asks who is there."""
    site = Site(folder or Path(str(resources.files("tripmeter"))) / "site")

    async def enter(_: Request) -> Response:
        return RedirectResponse("/dashboard/", 308, headers=_SAFE)

    return [
        Route("/dashboard", enter, methods=["GET"]),
        Route("/dashboard/{path:path}", site.answer, methods=["GET"]),
    ]


class Site:
    """The files, read when the first of them is asked for, and again when they were built anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, File] = {}
        self._built: int | None = None

    async def answer(self, request: Request) -> Response:
        """A file; the page itself for every path that is none, for those are places within it."""
        self._look()
        path = request.path_params["path"] or INDEX
        file = self._files.get(path)
        if file is None and not path.startswith(HASHED):
            path, file = INDEX, self._files.get(INDEX)
        if file is None:
            known = INDEX in self._files
            content = "" if known else _MISSING
            headers = {**_SAFE, "Cache-Control": "no-store"}
            return Response(content, 404 if known else 503, headers, media_type=_TYPES[".html"])
        return _response(request, file, is_hashed=path.startswith(HASHED))

    def _look(self) -> None:
        try:
            built = (self._folder / INDEX).stat().st_mtime_ns
        except OSError:
            built = None
        if built != self._built:
            self._files, self._built = _read(self._folder) if built else {}, built


def _read(folder: Path) -> dict[str, File]:
    """All files of a folder whose kind is known, by their path in it."""
    files = {}
    for path in sorted(folder.rglob("*")):
        media_type = _TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        body = path.read_bytes()
        packed = {
            encoding: beside.read_bytes()
            for encoding, suffix in _PACKED.items()
            if (beside := path.with_name(path.name + suffix)).is_file()
        }
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        files[path.relative_to(folder).as_posix()] = File(body, media_type, etag, packed)
    return files


def _response(request: Request, file: File, *, is_hashed: bool) -> Response:
    headers = {
        **_SAFE,
        "Cache-Control": "public, max-age=31536000, immutable" if is_hashed else "no-cache",
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if file.etag in request.headers.get("if-none-match", "").replace("W/", "").split(", "):
        return Response(None, 304, headers)
    body = file.body
    for encoding, packed in file.packed.items():
        if _accepts(request.headers.get("accept-encoding", ""), encoding):
            headers["Content-Encoding"] = encoding
            body = packed
            break
    return Response(body, 200, headers, media_type=file.media_type)


def _accepts(header: str, encoding: str) -> bool:
    """Whether a client takes an encoding; one with the weight 0 it does not."""
    for part in header.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() == encoding:
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

"""The whole engine behind its HTTP application, in this process: its clock is held by the test.

async with open_door(tmp_path, rate_limit="stripe") as door:
    key = door.key(live=True)
    answer = await door.get("/v1/customers", key)
    door.clock.advance(1_000)
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from support.clock import SettableClock
from support.server import Key
from tripmeter.api.sessions import COOKIE
from tripmeter.app import Engine
from tripmeter.control import access
from tripmeter.model.access import Permissions
from tripmeter.model.scope import Scope
from tripmeter.pipeline.jobs import CommandJob
from tripmeter.ports import Work
from tripmeter.ports.outgoing import Mailer
from tripmeter.settings import Settings

API_KEY: Final = "sk_test_door_0123456789abcdef"


class Door:
    """Knocks at the application, without a network in between."""

    def __init__(self, engine: Engine, clock: SettableClock, http: httpx2.AsyncClient) -> None:
        self.engine = engine
        self.clock = clock
        self._http = http

    def key(self, permissions: Permissions | None = None, *, live: bool = False) -> Key:
        """A new key of the account; restricted if permissions are given."""

        def change(work: Work) -> Key:
            account = access.default_account(work.session, work.now_ms)
            scope = Scope(account.id, live)
            made, secret = access.create_key(work.session, scope, "test", work.now_ms, permissions)
            return Key(made.id, secret)

        made: Key = self.engine.writer.ask_and_wait(CommandJob(change))
        return made

    def browser(self) -> "Browser":
        """A browser in which nobody is signed in yet."""
        account = self.engine.writer.ask_and_wait(
            CommandJob(lambda work: access.default_account(work.session, work.now_ms).id)
        )
        return Browser(self._http, account)

    async def admin(self) -> "Browser":
        """A browser in which the first admin has set up the engine."""
        browser = self.browser()
        made = await browser.set_up(self.engine.set_up_token or "")
        assert made.status_code == 200, made.text
        return browser

    async def ask(
        self, method: str, path: str, key: Key | str = API_KEY, **options: Any
    ) -> httpx2.Response:
        """Send a request with a key, or a token."""
        secret = key if isinstance(key, str) else key.secret
        headers = {"Authorization": f"Bearer {secret}", **options.pop("headers", {})}
        return await self._http.request(method, path, headers=headers, **options)

    async def get(self, path: str, key: Key | str = API_KEY, **options: Any) -> httpx2.Response:
        """As `ask`."""
        return await self.ask("GET", path, key, **options)

    async def post(self, path: str, key: Key | str = API_KEY, **options: Any) -> httpx2.Response:
        """As `ask`; `data` is a form, `json` a body of v2."""
        return await self.ask("POST", path, key, **options)


EMAIL: Final = "ada@example.com"
PASSWORD: Final = "correct horse battery"


class Browser:
    """Does what the dashboard's page does: keeps a cookie, names account and mode, sends CSRF."""

    def __init__(self, http: httpx2.AsyncClient, account: str) -> None:
        self._http = http
        self.account = account
        self.mode = "test"
        self.token: str | None = None
        self.csrf: str | None = None
        self.member = ""

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request as the page would; `headers` go on top."""
        headers = {"Tripmeter-Account": self.account, "Tripmeter-Mode": self.mode}
        if self.token is not None:
            headers["Cookie"] = f"other=1; {COOKIE}={self.token}"
        if self.csrf is not None and method != "GET":
            headers["Tripmeter-CSRF"] = self.csrf
        headers |= options.pop("headers", {})
        return await self._http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        """As `ask`."""
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        """As `ask`."""
        return await self.ask("POST", path, **options)

    async def delete(self, path: str) -> httpx2.Response:
        """As `ask`."""
        return await self.ask("DELETE", path)

    async def set_up(self, token: str, **fields: str) -> httpx2.Response:
        """Use a link."""
        form = {"email": EMAIL, "name": "Ada", "password": PASSWORD} | fields
        return self._keep(await self.post("/v1/dashboard/set_up", data={"token": token, **form}))

    async def sign_in(
        self, email: str = EMAIL, password: str = PASSWORD, **options: Any
    ) -> httpx2.Response:
        """Sign in."""
        form = {"email": email, "password": password}
        return self._keep(await self.post("/v1/dashboard/session", data=form, **options))

    def _keep(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.status_code == 200:
            name, _, rest = answer.headers["set-cookie"].partition("=")
            assert name == COOKIE
            self.token = rest.partition(";")[0]
            self.csrf = answer.json()["csrf_token"]
            self.member = answer.json()["member"]["id"]
        return answer


@asynccontextmanager
async def open_door(
    folder: Path, *, mailer: Mailer | None = None, **settings: Any
) -> AsyncIterator[Door]:
    """An engine on a store in `folder`, for the length of a block."""
    clock = SettableClock()
    made = Settings(data=folder, api_key=API_KEY, **settings)
    engine = Engine(made, clock=clock, mailer=mailer)
    engine.prepare()
    app = engine.app
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://engine") as http:
            yield Door(engine, clock, http)

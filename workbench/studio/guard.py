"""Refuses requests that do not come from the studio's address: its host and its token."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

LONGEST = 20  # digits of a length that are read
Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


class Guard:
    """An ASGI application in front of `app`: 403 without the host and the token.

    The token is the first part of the path. A page of another site does not know it, and a name
    that another site has made to point to this machine is another host. A request that announces
    more than `most_bytes` gets 413.
    """

    def __init__(self, app: Application, token: str, port: int, most_bytes: int):
        self.app, self.token, self.most_bytes = app, token, most_bytes
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(
        self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif self.admits(scope):
            if self._bytes(scope) > self.most_bytes:
                await _refuse(send, 413, b"The file is too large.")
            else:
                await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await _refuse(send, 403, b"Use the address that was printed.")
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def admits(self, scope: Scope) -> bool:
        """Whether a request has the studio's host and token."""
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        first = scope["path"].split("/")[1:2]
        return (
            len(hosts) == 1
            and hosts[0] in self.hosts
            and bool(first)
            and secrets.compare_digest(first[0].encode(), self.token.encode())
        )

    @staticmethod
    def _bytes(scope: Scope) -> int:
        """The bytes that a request announces; 0 without a number."""
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        digits = lengths[0][:LONGEST] if lengths else b""
        return int(digits) if digits.isdigit() else 0


async def _refuse(send: Callable[..., Any], status: int, why: bytes) -> None:
    """Answer a request with a status and a sentence."""
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": why})

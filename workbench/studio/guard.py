"""Refuses requests that do not come from the studio's address: its host and its token."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


class Guard:
    """An ASGI application in front of `app`: 403 without the host and the token.

    The token is the first part of the path. A page of another site does not know it, and a name
    that another site has made to point to this machine is another host.
    """

    def __init__(self, app: Application, token: str, port: int):
        self.app, self.token = app, token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(
        self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket") or self.admits(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await send(
                {
                    "type": "http.response.start",
                    "status": 403,
                    "headers": [(b"content-type", b"text/plain")],
                }
            )
            await send({"type": "http.response.body", "body": b"Use the address that was printed."})
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

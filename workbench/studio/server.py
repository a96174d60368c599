"""Serves the studio's page on this machine alone."""

import asyncio
import secrets
import socket
import webbrowser
from collections.abc import Callable
from typing import cast

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from nicegui import app as pages
from nicegui import ui

from workbench.errors import WorkbenchError
from workbench.studio.completion import Completion, Typed, completion
from workbench.studio.guard import Guard
from workbench.studio.page import show_page
from workbench.studio.shapes import Schema
from workbench.studio.studio import Studio
from workbench.studio.upload import BODY_BYTES

ADDRESS = "127.0.0.1"
TOKEN_BYTES = 16


def serve(studio: Studio, port: int, opens: bool, announce: Callable[[str], None]) -> None:
    """Serve the page until the process is interrupted.

    `port` 0 is any free one; `announce` gets the address as soon as it answers, and with `opens`
    a browser does. Raises WorkbenchError for a port that is taken.
    """
    listening = _listening(port)
    port, token = listening.getsockname()[1], secrets.token_urlsafe(TOKEN_BYTES)
    address = f"http://{ADDRESS}:{port}/{token}/"

    @ui.page("/")
    def _page(request: Request) -> None:
        show_page(studio, request.query_params)

    answer_requests(pages, studio.kind.schema())

    async def started() -> None:
        await studio.start()
        announce(address)
        if opens:
            await asyncio.to_thread(webbrowser.open, address)

    pages.on_startup(started)
    pages.on_shutdown(studio.stop)
    server = uvicorn.Server(
        uvicorn.Config(
            Guard(_application(token, studio), token, port, BODY_BYTES),
            log_level="warning",
            access_log=False,
        )
    )
    asyncio.run(server.serve([listening]))


def answer_requests(application: FastAPI, schema: Schema) -> None:
    """Answer requests at /complete, and any malformed request with 400 and a sentence."""

    @application.post("/complete")
    def _complete(typed: Typed) -> Completion:
        return completion(typed.text, typed.cursor, schema)

    @application.exception_handler(RequestValidationError)
    def _refuse(_: Request, error: Exception) -> PlainTextResponse:
        # without the input: JSON has no number such as 1e400
        first = cast(RequestValidationError, error).errors()[0]
        return PlainTextResponse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", 400)

    @application.exception_handler(AttributeError)
    def _refuse_upload(request: Request, error: Exception) -> PlainTextResponse:
        if "/upload/" not in request.url.path:
            raise error
        return PlainTextResponse("body: a field that is no file", 400)  # NiceGUI expects files


def _application(token: str, studio: Studio) -> FastAPI:
    """The web application, everything of it below the token."""
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    ui.run_with(
        application,
        title=f"{studio.files.spec_file.name} · workbench studio",
        dark=None,
        tailwind=False,
        mount_path=f"/{token}",
        show_welcome_message=False,
    )
    return application


def _listening(port: int) -> socket.socket:
    """A socket of this machine alone."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, port))
        listening.listen()  # who has the address is not refused while the page is made ready
    except OSError as error:
        listening.close()
        raise WorkbenchError(
            f"--port {port}", f"cannot be used ({error.strerror})", "a free port", "Give another."
        ) from error
    return listening

"""The address of a window's content: its words, its command, and who may ask for it."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.studio.address import (
    QUICK_SCORE,
    VIEWS,
    View,
    command_line,
    dragged,
    stimulus_of,
    view_of,
    widened,
)
from workbench.studio.answers import ARC, GivenPicture, Stimulus
from workbench.studio.guard import Guard
from workbench.studio.kinds import PICTURES, TOKENS
from workbench.studio.studio import Files

FAMILIES = ("gabor", "line", "curve")
CIRCUIT = Path("circuit.yaml")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_view_is_read_back_from_its_query(view, family):
    stimulus = Stimulus(90, 30) if view == "stimulus" else ARC
    shown = View(view, family, stimulus, "fire5:38" if view in ("stimulus", "worst") else "")
    query = parse_qs(shown.query.removeprefix("?"))
    words = {word: values[0] for word, values in query.items()}
    assert view_of(words, FAMILIES) == shown


def test_a_given_picture_is_named_by_the_address_as_long_as_it_is_kept():
    picture = GivenPicture("a cat,1.jpg", b"png")
    query = parse_qs(View("stimulus", "curve", picture, "fire5:38").query.removeprefix("?"))
    words = {key: value for key, (value,) in query.items()}
    assert view_of(words, FAMILIES, {picture.name: picture}).stimulus == picture
    assert view_of(words, FAMILIES) == View("stimulus", "curve", ARC, "fire5:38")


def test_unknown_words_show_the_kernels_of_the_last_family():
    words = {"view": "<script>", "family": "nonsense", "stimulus": "1,2,3,4"}
    assert view_of(words, FAMILIES) == View("kernels", "curve")
    assert view_of({}, ()) == View("kernels", "")


@pytest.mark.parametrize(
    "text", ["", "45", "a,b", "nan,24", "inf,24", "45,nan", "45,1", "45,1e9", "45,24,0", "45,2,x"]
)
def test_no_stimulus_of_other_texts(text):
    assert stimulus_of(text) is None
    shown = CliRunner().invoke(main, ["studio", "line", "--print", "--stimulus", text or " "])
    assert shown.exit_code == 2
    assert "--stimulus" in shown.output + str(shown.exception)


@pytest.mark.parametrize(
    ("x", "y", "stimulus"),
    [
        (120, 100, Stimulus(0, 20)),
        (100, 120, Stimulus(90, 20)),
        (70, 100, Stimulus(180, 30)),
        (100, 90, Stimulus(270, 10)),
        (100, 100, Stimulus(0, 2)),
    ],
)
def test_the_pointer_is_the_centre_of_the_circle(x, y, stimulus):
    assert dragged(ARC, (100, 100), x, y) == stimulus
    assert stimulus_of(stimulus.text) == stimulus


@pytest.mark.parametrize(
    ("x", "y", "width_px"), [(104, 100, 8), (96, 100, 8), (140, 136, 8), (100, 100, 0.5)]
)
def test_with_shift_the_pointer_is_on_the_edge_of_the_line(x, y, width_px):
    """The circle has its centre at (140, 100) and a radius of 40 pixels."""
    wide = widened(Stimulus(0, 40), (100, 100), x, y)
    assert wide == Stimulus(0, 40, width_px)
    assert stimulus_of(wide.text) == wide
    assert dragged(wide, (100, 100), 70, 100) == Stimulus(180, 30, width_px)


@pytest.mark.parametrize(
    ("kind", "view"), [(kind, view) for kind in (PICTURES, TOKENS) for view in kind.views]
)
def test_commands_of_views_are_commands(kind, view):
    words = Files(Path("my theory.yaml"), CIRCUIT, prompts_text=Path("text.txt")).words
    for command, options in (kind.views[view].command(View(view, "line")), QUICK_SCORE):
        line = command_line(words, command, options)
        assert line.startswith(f"workbench {command} 'my theory.yaml' --circuit circuit.yaml")
        shown = CliRunner().invoke(main, [command, "--help"]).output
        given = line.replace("--text", "") if kind is PICTURES else line
        assert [word for word in given.split() if word[:2] == "--" and word not in shown] == []


def test_the_views_of_an_address_are_those_of_the_kind():
    for kind in (PICTURES, TOKENS):
        for view in kind.views:
            assert view_of({"view": view}, FAMILIES, views=list(kind.views)).view == view
    assert tuple(PICTURES.views) == VIEWS
    assert view_of({"view": "kernels"}, (), views=list(TOKENS.views)).view == "patterns"


HOST, TOKEN = b"127.0.0.1:8123", "secret"


@pytest.mark.parametrize(
    ("hosts", "path", "status"),
    [
        ([HOST], "/secret/", 200),
        ([b"localhost:8123"], "/secret/_nicegui/static/nicegui.js", 200),
        ([HOST], "/", 403),
        ([HOST], "/secre/", 403),
        ([HOST], "/other/secret/", 403),
        ([HOST], "secret", 403),
        ([b"127.0.0.1:8124"], "/secret/", 403),
        ([b"evil.example"], "/secret/", 403),
        ([b"evil.example", HOST], "/secret/", 403),
        ([], "/secret/", 403),
    ],
)
def test_only_the_address_with_host_and_token_is_answered(hosts, path, status):
    assert answered("http", hosts, path)[0]["status"] == status


def test_a_websocket_without_the_token_is_closed():
    assert answered("websocket", [HOST], "/_nicegui_ws/socket.io/") == [
        {"type": "websocket.close", "code": 1008}
    ]


@pytest.mark.parametrize(
    ("length", "status"), [(b"1000", 200), (b"1001", 413), (b"x", 200), (b"9" * 5000, 413)]
)
def test_a_request_that_is_too_large_is_refused(length, status):
    (start, *_) = answered("http", [HOST], "/secret/", [(b"content-length", length)])
    assert start["status"] == status


def answered(
    kind: str, hosts: list[bytes], path: str, more: list[tuple[bytes, bytes]] | None = None
) -> list[dict]:
    sent: list[dict] = []

    async def within(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", host) for host in hosts] + (more or [])
    scope = {"type": kind, "path": path, "headers": headers}
    asyncio.run(Guard(within, TOKEN, 8123, 1000)(scope, receive, send))
    return sent

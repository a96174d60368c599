"""Requests that the page's own scripts would not make: each malformed one gets 400, in a line."""

import asyncio
from dataclasses import dataclass

import pytest

from workbench.spec.schema import json_schema

pytest.importorskip("nicegui", reason="the extra `studio` is not installed")

import httpx
from fastapi import FastAPI

from workbench.studio.server import answer_requests

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Client:
    """Sends requests to an application in this process."""

    application: FastAPI

    def post(self, path: str, **request) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://studio") as client:
                return await client.post(path, **request)

        return asyncio.run(sent())


@pytest.fixture(scope="module")
def client() -> Client:
    application = FastAPI()
    answer_requests(application, json_schema())
    return Client(application)


def test_a_sound_request_is_answered(client):
    answer = client.post("/complete", json={"text": "theory: x\nfam", "cursor": 13})
    assert answer.status_code == 200
    assert answer.json()["typed"] == "fam"
    assert "families" in [option["label"] for option in answer.json()["options"]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"text": "a", "cursor": 1e400}', "body.cursor: Input should be a valid integer"),
        ('{"text": "a", "cursor": -1e400}', "body.cursor: "),
        ('{"text": "a", "cursor": NaN}', "body.cursor: "),
        ('{"text": "a", "cursor": Infinity}', "body.cursor: "),
        ('{"text": "a", "cursor": 1.0}', "body.cursor: "),
        ('{"text": "a", "cursor": "1"}', "body.cursor: "),
        ('{"text": "a", "cursor": true}', "body.cursor: "),
        ('{"text": "a", "cursor": null}', "body.cursor: "),
        ('{"text": "a", "cursor": -1}', "body.cursor: Input should be greater than or equal to 0"),
        ('{"text": "a", "cursor": 2}', "body: Value error, cursor 2 in a text of 1 characters"),
        ('{"text": "a", "cursor": 1' + "0" * 400 + "}", "body.cursor: Input should be less than"),
        ('{"text": "a", "cursor": 1' + "0" * 5000 + "}", ""),
        ('{"text": "a"}', "body.cursor: Field required"),
        ('{"cursor": 0}', "body.text: Field required"),
        ('{"text": 1, "cursor": 0}', "body.text: Input should be a valid string"),
        ('{"text": NaN, "cursor": 0}', "body.text: "),
        ('{"text": ["a"], "cursor": 0}', "body.text: "),
        (r'{"text": "families:\n  \ud800x: ", "cursor": 3}', "body.text: "),
        ('{"text": "' + "a" * (1 << 20) + 'a", "cursor": 0}', "body.text: String should have at"),
        ("[]", "body: "),
        ("1e400", "body: "),
        ("null", "body: Input should be a dictionary"),
        ("", "body: Field required"),
        ('{"text"', "body.7: JSON decode error"),
        ("[" * 100_000, ""),
        (b"\xff\xfe", ""),
    ],
)
def test_a_malformed_request_is_refused_in_a_line(client, body, message):
    answer = client.post("/complete", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.text.startswith(message)
    assert "\n" not in answer.text
    assert 0 < len(answer.text) < 200


def test_a_request_that_is_no_json_is_refused(client):
    answer = client.post("/complete", content='{"text": "a", "cursor": 1}')
    assert answer.status_code == 400
    assert answer.text.startswith("body: ")

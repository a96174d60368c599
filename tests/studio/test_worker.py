"""A worker's answer to a task that fails, and the hosts that it may run."""

import asyncio
import os
import signal

import pytest

from workbench.errors import WorkbenchError
from workbench.hosts import named
from workbench.studio import worker
from workbench.studio.answers import Asked
from workbench.studio.kinds import PICTURES
from workbench.studio.worker import Worker


def test_a_fault_becomes_an_error_of_one_line_and_its_traceback_is_printed(capsys):
    assert worker._done("math", "sqrt", (4,)) == 2
    error = worker._done("math", "sqrt", (-1,))
    assert isinstance(error, WorkbenchError)
    assert str(error).startswith("the studio's sqrt: ValueError: ")
    assert "Traceback (most recent call last):" in capsys.readouterr().err


def test_a_killed_process_is_replaced_and_errors_come_back():
    async def life() -> None:
        worker = Worker("test", "tests.studio.tasks")
        assert await worker.run("words", "a b") == ["a", "b"]
        killed = worker.process.pid
        os.kill(killed, signal.SIGKILL)
        assert await worker.run("words", "a b") == ["a", "b"]
        assert worker.process.pid != killed
        with pytest.raises(WorkbenchError, match="here: a b; expected one word"):
            await worker.run("one_word", "a b")
        with pytest.raises(WorkbenchError, match="the studio's nothing"):
            await worker.run("nothing")
        with pytest.raises(WorkbenchError, match="the test process: ended 2 times"):
            await worker.run("end")
        worker.stop()

    asyncio.run(life())


OWN = "my_hosts.py:mine"
HOSTS = """
from dataclasses import replace
from workbench.hosts.store import load

def mine():
    return replace(load("squeezenet"), name="my_hosts.py:mine")
"""


def test_a_process_trusts_the_hosts_that_the_user_named(monkeypatch):
    monkeypatch.setattr(named, "TRUSTED", set())

    def trusted() -> list[str]:
        process = Worker("test", "tests.studio.tasks")
        try:
            return asyncio.run(process.run("trusted"))
        finally:
            process.stop()

    assert trusted() == []
    named.trust(OWN)
    assert trusted() == [OWN]


@pytest.mark.full  # the process loads a network
def test_a_host_of_a_file_runs_in_the_process_if_the_user_named_it(theory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named, "TRUSTED", set())
    (tmp_path / "my_hosts.py").write_text(HOSTS)
    circuit = tmp_path / "circuit.yaml"
    text = (theory.parent / "circuit.yaml").read_text()
    circuit.write_text(text.replace("host: squeezenet", f"host: {OWN}"))
    question = Asked(theory.read_text(), theory, circuit)

    def asked() -> object:
        process = Worker("test", PICTURES.tasks)
        try:
            return asyncio.run(process.run("kernels", question))
        finally:
            process.stop()

    with pytest.raises(WorkbenchError, match="named by a circuit file, and would run code"):
        asked()
    named.trust(OWN)
    assert "curve" in [picture.family for picture in asked()]

"""What a command shows while it works."""

import pytest

from workbench.terminal import session as terminal
from workbench.terminal.session import Session


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def test_where_no_bar_can_be_seen_a_line_now_and_then_tells_rate_and_time_left(clock, capsys):
    session = Session()
    session.progress.get_time = lambda: clock[0]
    advance = session.stage("score", 100)
    for _ in range(5):
        clock[0] += 8
        advance(16, "spliced")
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "score spliced: 64 of 100, 2/s, 0:00:18 left"


def test_the_bars_have_a_rate(clock):
    session = Session()
    session.progress.get_time = lambda: clock[0]
    advance = session.stage("score", 100)
    for _ in range(2):
        clock[0] += 4
        advance(2)
    (task,) = session.progress.tasks
    assert str(terminal.RateColumn().render(task)) == "0.5/s"


@pytest.mark.parametrize(("seconds", "text"), [(8.0, "2/s"), (0.01, "1600/s")])
def test_a_stage_that_is_done_in_one_step_has_a_rate_too(clock, seconds, text):
    session = Session()
    session.progress.get_time = lambda: clock[0]
    advance = session.stage("score", 16)
    clock[0] += seconds
    advance(16)
    (task,) = session.progress.tasks
    assert str(terminal.RateColumn().render(task)) == text


def test_before_the_first_stage_nothing_is_shown(capsys):
    with Session():
        pass
    assert capsys.readouterr().err == ""

"""Every wrong value of every option ends in one line and exit code 2, before any work."""

import sys
from types import SimpleNamespace

from click.testing import CliRunner

from tests.fuzz.options import cases, check, leaves, prepare

CASES = list(cases())


def test_every_command_has_cases():
    with_parameters = {
        words
        for words, command in leaves()
        if any(not getattr(parameter, "is_flag", False) for parameter in command.params)
    }
    assert {case.words for case in CASES} == with_parameters
    assert len(CASES) > 1000


def test_wrong_value_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # the studio serves until it is stopped: a wrong value that it takes must fail, not hang
    monkeypatch.setitem(sys.modules, "workbench.studio.server", SimpleNamespace(serve=_served))
    prepare(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for case in CASES:
        check(case, CliRunner().invoke)
    assert sorted(tmp_path.rglob("*")) == before


def _served(*_: object) -> None:
    raise AssertionError("a wrong value was taken, and the studio was served")

"""A worker's answer to a task that fails."""

from workbench.errors import WorkbenchError
from workbench.studio import worker


def test_a_fault_becomes_an_error_of_one_line_and_its_traceback_is_printed(capsys):
    assert worker._done("math", "sqrt", (4,)) == 2
    error = worker._done("math", "sqrt", (-1,))
    assert isinstance(error, WorkbenchError)
    assert str(error).startswith("the studio's sqrt: ValueError: ")
    assert "Traceback (most recent call last):" in capsys.readouterr().err

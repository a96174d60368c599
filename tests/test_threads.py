"""Work in threads: in order, in more threads than one, and its errors come out."""

import threading

import pytest
import torch

from workbench.threads import each_in_threads

TOGETHER_S = 30


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_answers_come_in_the_order_of_the_items(threads):
    assert each_in_threads(lambda item: item * item, range(20)) == [item * item for item in range(20)]


def test_as_many_run_at_once_as_torch_has_threads(threads):
    gate = threading.Barrier(threads)  # opens when so many wait in front of it
    assert len(each_in_threads(lambda _: gate.wait(TOGETHER_S), range(threads))) == threads


def test_the_first_error_comes_out(threads):
    with pytest.raises(ZeroDivisionError):
        each_in_threads(lambda item: 1 / item, [1, 0, 2])


def test_nothing_of_nothing(threads):
    assert each_in_threads(str, []) == []

"""The engine of this process: an ordered map whose items are at work together."""

import threading

import pytest
import torch

from workbench.engine import MOST, alone, here

TOGETHER_S = 30


@pytest.fixture(params=[1, 2, 2 * MOST])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_what_is_found_comes_in_the_order_of_the_items(threads):
    assert list(here(lambda item: item * item, range(20))) == [item * item for item in range(20)]


def test_items_are_at_work_together_and_share_the_threads(threads):
    workers = min(threads, MOST)
    gate = threading.Barrier(workers)  # opens when so many wait in front of it

    def work(_):
        gate.wait(TOGETHER_S)
        return torch.get_num_threads()

    assert list(here(work, range(workers))) == [threads // workers] * workers
    assert torch.get_num_threads() == threads


def test_alone_is_one_item_at_a_time_with_one_thread(threads):
    under_way, most = [], []

    def work(item):
        under_way.append(item)
        most.append(len(under_way))
        assert torch.get_num_threads() == 1
        under_way.remove(item)
        return item * item

    assert list(alone(work, range(8))) == [item * item for item in range(8)]
    assert max(most) == 1
    assert torch.get_num_threads() == threads


def test_items_are_taken_as_they_are_needed_and_by_the_one_who_asks(threads):
    taken = []

    def items():
        for i in range(100):
            taken.append(threading.get_ident())
            yield i

    results = here(str, items())
    assert next(iter(results)) == "0"
    assert len(taken) <= MOST + 2
    list(results)
    assert set(taken) == {threading.get_ident()}
    assert len(taken) == 100


def test_the_first_error_comes_out_and_nothing_more_is_begun(threads):
    begun = []

    def work(item):
        begun.append(item)
        return 1 / item

    with pytest.raises(ZeroDivisionError):
        list(here(work, [1, 0, *range(2, 100)]))
    assert len(begun) <= 2 * MOST + 4


def test_an_engine_within_an_engine_takes_no_more_threads(threads):
    inner = list(here(lambda _: list(here(lambda _: torch.get_num_threads(), range(3))), range(3)))
    assert max(max(each) for each in inner) <= threads


def test_nothing_of_nothing(threads):
    assert list(here(str, [])) == []

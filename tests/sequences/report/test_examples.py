"""Examples of a page: chosen heads, means by offset, waves of neurons, tables of answers."""

import numpy as np
import pytest
import torch

from workbench.report.drawing import png
from workbench.report.svg import data_of, svg
from workbench.sequences.compile import Written, WrittenNeurons
from workbench.sequences.examples import answer_table, neuron_examples
from workbench.sequences.head_examples import HeadExample, ends_and_middle, offset_means
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.report.neurons import draw_circles, draw_waves
from workbench.sequences.report.patterns import draw_patterns
from workbench.sequences.rule import angle_deg
from workbench.sequences.survey.neurons import NeuronRow, neuron_rows

MODULUS, FREQUENCY, OTHER = 13, 2, 5
PHASES = (10.0, 100.0, 250.0)


def head(name: str, overlap: float = 1.0, size: int = 4) -> HeadExample:
    pattern = np.eye(size)
    return HeadExample(name, overlap, pattern, pattern, None)


def test_of_many_heads_the_ends_and_the_middle_are_drawn():
    heads = [head(str(i)) for i in range(40)]
    assert [each.name for each in ends_and_middle(heads)] == ["0", "1", "19", "20", "38", "39"]
    assert len(ends_and_middle(heads[:6])) == 6


@pytest.mark.parametrize(("causal", "first"), [(True, 0), (False, -4)])
def test_attention_by_offset_is_that_of_the_key_so_many_places_before(causal, first):
    before = torch.eye(5).roll(-1, 1)[None]  # a query at place i looks at i - 1, that at 0 at 4
    means = offset_means(before, before.transpose(1, 2), causal)
    assert means.offsets[0] == first
    assert dict(zip(means.offsets, means.trained, strict=True))[1] == 1
    assert dict(zip(means.offsets, means.handwritten, strict=True))[1] == 0
    if not causal:
        assert dict(zip(means.offsets, means.handwritten, strict=True))[-1] == 1


def planted_run() -> tuple[Written, NaturalRun, list[NeuronRow]]:
    """Every pair of numbers, and neurons that are waves: one silent, the others of two circles."""
    pairs = torch.cartesian_prod(torch.arange(MODULUS), torch.arange(MODULUS))
    tokens = torch.cat([pairs, torch.full((len(pairs), 1), MODULUS)], 1)
    columns = [torch.zeros(len(pairs), 1)]
    for frequency, phase in ((OTHER, 0.0), *((FREQUENCY, phase) for phase in PHASES)):
        angles = angle_deg(pairs, frequency, MODULUS) - phase
        columns.append(angles.deg2rad().cos().sum(1, keepdim=True))
    drive = torch.cat(columns, 1)
    rows = neuron_rows(0, MODULUS, drive.numpy(), drive.relu().numpy())
    post = drive.relu().float()[:, :, None].expand(-1, -1, 3)
    scored = torch.ones(len(pairs), 1, dtype=torch.bool)
    run = NaturalRun(tokens, torch.zeros(0), {"blocks.0.mlp.hook_post": post}, scored)
    every = torch.arange(0, 360, 45.0, dtype=torch.float64)
    neurons = WrittenNeurons(
        "sum", 0, MODULUS, (0, 1), (FREQUENCY,), torch.stack([every, every]), 1, (0.0, 1.0)
    )
    return Written({}, {"sum": neurons}, (), MODULUS), run, rows


def test_trained_neurons_stand_on_their_circle_at_their_phase():
    (example,) = neuron_examples(*planted_run())
    assert np.allclose(np.sort(example.trained_deg), PHASES)
    assert example.neuron in (2, 3, 4)
    phase = PHASES[example.neuron - 2]
    assert abs(example.handwritten_deg - phase) <= 22.5
    assert np.corrcoef(example.trained, example.handwritten)[0, 1] > 0.9
    turned = np.roll(example.handwritten, MODULUS // 2)
    assert np.corrcoef(example.trained, turned)[0, 1] < 0


def test_neurons_of_other_circles_are_not_drawn():
    written, run, rows = planted_run()
    assert neuron_examples(written, run, [row for row in rows if row.frequency == OTHER]) == []


def test_lines_of_neurons_carry_their_data():
    (example,) = neuron_examples(*planted_run())
    data = data_of(draw_circles([example])).splitlines()
    assert sum(line.startswith("frequency 2 handwritten") for line in data) == 8
    assert sum(line.startswith("frequency 2 trained") for line in data) == 3
    waves_drawn = draw_waves([example] * 7)  # two rows
    assert data_of(waves_drawn).count("frequency 2 trained") == 7 * MODULUS
    assert b"neuron" in svg(waves_drawn, "waves")


def test_a_table_of_answers_is_centred_and_by_the_right_answer():
    wanted = torch.tensor([2, 0, 2])
    trained = torch.tensor([[0.0, 0, 3], [6, 0, 0], [3, 0, 6]])
    table = answer_table(wanted, trained, -trained)
    assert table.rows == [0, 2]
    assert np.allclose(table.trained, [[4, -2, -2], [-0.5, -2, 2.5]])
    assert np.allclose(table.handwritten, -table.trained)
    assert answer_table(wanted, torch.zeros(3, 300), torch.zeros(3, 300)) is None


def test_words_of_a_pattern_may_be_any_tokens():
    words = ["$", "a$b$", "<s>", "é"]
    for count in (1, 6):
        assert png(draw_patterns([head("0.1")] * count, words)).startswith(b"\x89PNG")

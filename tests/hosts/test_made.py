"""Networks that are trained here: the same bytes again, whole or not at all, known by step."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.files import CACHE_VARIABLE
from workbench.hosts import Host, made, store, train_induction, train_modular_addition
from workbench.hosts.declared import run_as_declared
from workbench.hosts.named import folder_name
from workbench.hosts.training import trained
from workbench.sequences.circuit import PairPrompts
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.prompts import Prompt, all_pairs, occurrences, repeated_strings

SHORT = (0, 3, 5)
ACCURATE = {"induction": 0.9, "modular-addition": 0.999, "modular-subtraction": 0.999}
CHANCE = 0.05


@pytest.fixture
def short(tmp_path, monkeypatch) -> None:
    """Both trainings end after five steps, in an empty cache."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    for name, training in list(made.TRAININGS.items()):
        monkeypatch.setitem(made.TRAININGS, name, replace(training, checkpoints=SHORT))


@pytest.mark.parametrize("name", made.TRAININGS)
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(short, name):
    first = made.make(name)
    files = [made.folder_of(name, 0) / row.file for row in first]
    content = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    assert made.make(name) == first
    assert [file.read_bytes() for file in files] == content
    assert len({row.sha256 for row in (*first, *made.make(name, seed=1))}) == 2 * len(SHORT)


@pytest.mark.parametrize("name", made.TRAININGS)
def test_checkpoints_are_hosts(short, name):
    made.make(name)
    hosts = [store.load(f"{name}@step:{step}") for step in SHORT]
    final = store.load(f"{name}@final")
    assert final.fingerprint == hosts[-1].fingerprint
    assert len({host.fingerprint for host in hosts}) == len(SHORT)
    assert store.load(f"{name}@final") is final
    x = final.input.example()
    answer, _ = run_as_declared(final, torch.cat([x, x]), *final.sites)
    assert not answer.requires_grad
    assert store.load(f"{name}@final@random:0").fingerprint != final.fingerprint
    assert folder_name(f"{name}@step:3") == f"{name}@step-3"


def test_a_training_learns_and_its_figures_are_those_of_the_checkpoint():
    training = replace(train_induction.TRAINING, checkpoints=(0, 100))
    first, last = trained(training, 0, lambda *_: None)
    assert last.loss < first.loss - 0.05
    network = made.transformer_host("t", training.shape, last.weights, training.length).network
    batch = training.held_out(0)
    logits, scored = network(batch.tokens), batch.weight == 1
    expected = torch.nn.functional.cross_entropy(logits[scored], batch.target[scored])
    assert last.loss == pytest.approx(float(expected), abs=1e-5)  # of float32


def test_the_string_occurs_twice_and_is_scored_as_in_prompts():
    batch = train_induction.batch(200, torch.Generator().manual_seed(0))
    starts = set()
    for tokens, target, weight in zip(*(t.tolist() for t in vars(batch).values()), strict=True):
        scored = [place for place, w in enumerate(weight) if w == 1]
        assert len(scored) == train_induction.STRING - 2
        start = scored[0] - 1
        string = tokens[start : start + 10]
        earlier = [i for i in range(start - 9) if tokens[i : i + 10] == string]
        assert earlier
        starts.add((earlier[0], start))
        assert [target[place] for place in scored] == [tokens[place + 1] for place in scored]
    assert len(starts) > 50


def test_held_out_pairs_are_not_trained_on():
    first, second = train_modular_addition.halves(3)
    rows = [tuple(row) for half in (first, second) for row in half.tokens.tolist()]
    assert len(set(rows)) == len(rows) == train_modular_addition.MODULUS**2
    assert abs(len(first.tokens) - len(second.tokens)) <= 1
    prompts = {prompt.tokens: prompt.targets[-1] for prompt in all_pairs(53)}
    for half in (first, second):
        for row, target in zip(half.tokens.tolist(), half.target.tolist(), strict=True):
            assert prompts[tuple(row)] == target[0]


def test_an_interrupted_training_leaves_no_host(short, monkeypatch):
    def cut(training, seed, progress):
        yield from list(trained(training, seed, progress))[:2]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(made, "trained", cut)
        with pytest.raises(KeyboardInterrupt):
            made.make("induction")
    assert not made.is_intact("induction", 0)
    with pytest.raises(WorkbenchError, match="host induction@step:0: was not trained on this"):
        store.load("induction@step:0")
    assert len(made.make("induction")) == len(SHORT)


def test_what_is_there_is_not_trained_again(short, monkeypatch):
    rows = made.make("induction")
    monkeypatch.setattr(made, "trained", None)
    assert made.make("induction") == rows


def test_an_altered_checkpoint_is_refused_and_made_again(short):
    rows = made.make("induction")
    file = made.folder_of("induction", 0) / rows[1].file
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(WorkbenchError, match=r"is missing or altered.*hosts make induction"):
        store.load("induction@step:3")
    made.make("induction")
    assert file.read_bytes() == content


def test_another_recipe_makes_another_network(short, monkeypatch):
    made.make("induction")
    training = replace(made.TRAININGS["induction"], rate=1e-3)
    monkeypatch.setitem(made.TRAININGS, "induction", training)
    assert not made.is_intact("induction", 0)
    with pytest.raises(WorkbenchError, match="trained by another version of the workbench"):
        store.load("induction@final")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("induction@step:4", "no checkpoint after 4 steps; expected one of 0, 3, 5"),
        ("inductoin@final", "no training 'inductoin'.*'induction'"),
        ("induction@seed:7@final", "was not trained on this machine.*make induction --seed 7"),
        ("modular-addition", "no host 'modular-addition'.*trains is modular-addition@final"),
        ("induction", "is not installed.*hosts pull induction.*trains is induction@final"),
        ("induction@last", "no host 'induction@last'.*trains is induction@final"),
    ],
)
def test_a_name_that_does_not_fit_says_what_does(short, name, message):
    made.make("induction")
    with pytest.raises(WorkbenchError, match=message):
        store.load(name)


def test_a_broken_record_is_named(short):
    made.make("induction")
    (made.folder_of("induction", 0) / made.RECORD).write_text("{")
    with pytest.raises(WorkbenchError, match=r"training.json: cannot be read"):
        store.load("induction@final")


def test_the_command_prints_what_it_made(short):
    result = CliRunner().invoke(main, ["hosts", "make", "induction", "--seed", "2", "--json"])
    document = json.loads(result.stdout)
    assert document["host"] == "induction@seed:2@final"
    assert [row["step"] for row in document["checkpoints"]] == list(SHORT)
    assert store.load(document["checkpoints"][1]["name"]).name == "induction@seed:2@step:3"
    listed = json.loads(CliRunner().invoke(main, ["hosts", "list", "--json"]).stdout)
    assert listed[-1]["name"] == "induction@seed:2@final"
    text = CliRunner().invoke(main, ["hosts", "make", "induction", "--seed", "2"]).stdout
    assert "induction@seed:2@step:5  loss" in text


def asked_prompts(name: str, host: Host) -> list[Prompt]:
    """Prompts of the task that a network was trained on."""
    if name == "induction":
        return repeated_strings(64, 10, 2, 32, 256, seed=1)
    declared = PairPrompts(kind="pairs", modulus=53, operation=name.removeprefix("modular-"))
    pairs = prompts_of(declared, host)
    return [*pairs.calibration, *pairs.scored]


@pytest.mark.full
@pytest.mark.parametrize("name", made.TRAININGS)
def test_the_whole_training_is_accurate_and_changes_late(name, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    rows = made.make(name)
    assert len(rows) in range(18, 24)
    assert rows[-1].accuracy >= ACCURATE[name]
    assert rows[0].accuracy <= CHANCE
    host = store.load(f"{name}@final")
    prompts = asked_prompts(name, host)
    answer, _ = host.run(host.input.batch(prompts))
    figures = host.output.statistics(answer.numpy(), answer.numpy(), host.output.targets(prompts))
    assert np.mean(figures["accuracy"]) >= ACCURATE[name]
    assert all(len(run) == 8 for prompt in prompts[:5] for run in occurrences(prompt) if run[1:])

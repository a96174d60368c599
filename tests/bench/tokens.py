"""`python -m tests.bench.tokens`: the conditions of one score of tokens, by the loop and by hooks.

Both run the same conditions on the same prompts, cold, and must give the same KL. Hooks are whole
forward passes, one for each condition: of torch, with attention as a notebook writes it and with
the workbench's own layers, and of TransformerLens where it is installed.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from torch import Tensor

from tests.bench.clock import CLOCKS, interleaved, machine
from tests.bench.lens import lens_passes
from tests.bench.measure import ROOT, refuse_different
from tests.bench.plain_transformer import plain
from tests.bench.steps import Steps
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts import Host
from workbench.hosts.hooks import overridden
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.files import load_token_theory
from workbench.sequences.natural_run import BATCH, NaturalRun, natural_run
from workbench.sequences.part import TokenPart
from workbench.sequences.parts import parts_of
from workbench.sequences.prompts import Prompt
from workbench.sequences.splice import TokenCondition
from workbench.sequences.subject import loaded, sites_read, subject_of
from workbench.sequences.weights.parts import at_both_levels
from workbench.terminal import types

SPEC = ROOT / "specs" / "tokens" / "copying.yaml"
CIRCUIT = ROOT / "circuits" / "tokens" / "induction" / "copying.yaml"
LOOP = "the loop"
Rows = dict[str, list[float]]
Passes = Callable[[TokenCondition, NaturalRun], tuple[Tensor, Mapping[str, Tensor]]]


@dataclass(frozen=True)
class Ready:
    """A theory compiled for its network, and the prompts that are scored."""

    host: Host
    parts: Sequence[TokenPart]
    sites: Sequence[str]
    prompts: Sequence[Prompt]

    @property
    def conditions(self) -> dict[str, TokenCondition]:
        """Each condition once, by the first part that has it."""
        made: dict[int, tuple[str, TokenCondition]] = {}
        for part in self.parts:
            for spliced in part.conditions:
                made.setdefault(id(spliced), (f"{part.name} {spliced.facts.name}", spliced))
        return dict(made.values())


@torch.no_grad()
def ready(count: int, spec: Path = SPEC, circuit: Path = CIRCUIT) -> Ready:
    theory = load_token_theory(spec)
    units, host, prompts = loaded(theory, circuit)
    subject = subject_of(theory, units, host, prompts, 0)
    parts = at_both_levels(subject, parts_of(subject))
    return Ready(subject.host, parts, sites_read(subject.written), prompts.scored[:count])


def by_loop(this: Ready) -> Rows:
    """KL of each prompt under each condition, by the functions of `workbench score`."""
    names = {id(spliced): name for name, spliced in this.conditions.items()}
    statistics = evaluate_parts(this.host, this.parts, this.prompts, this.sites)
    return {
        names[id(spliced)]: rows.rows[spliced.facts.name]["kl"].tolist()
        for part, rows in zip(this.parts, statistics, strict=True)
        for spliced in part.conditions
    }


@torch.no_grad()
def by_hooks(this: Ready, passes: Passes) -> Rows:
    """The same by one whole pass for each condition, and the overlap of its patterns."""
    kls: Rows = {name: [] for name in this.conditions}
    for start in range(0, len(this.prompts), BATCH):
        batch = this.prompts[start : start + BATCH]
        run = natural_run(this.host, batch, this.sites)
        targets = this.host.output.targets(batch)
        for name, spliced in this.conditions.items():
            answers, patterns = passes(spliced, run)
            for site, made in patterns.items():
                torch.minimum(made, run.seen[site]).sum(-1).mean()
            rows = this.host.output.statistics(run.answers.numpy(), answers.numpy(), targets)
            kls[name] += rows["kl"].tolist()
    return kls


def torch_passes(this: Ready, of: Callable[[Host], Host] = plain) -> Passes:
    """Forward hooks of torch on submodules, by default of networks with plain attention."""
    patterns = [site for site in this.sites if site.endswith("hook_pattern")]
    networks: dict[str, Host] = {}

    def passes(spliced: TokenCondition, run: NaturalRun) -> tuple[Tensor, Mapping[str, Tensor]]:
        network = spliced.network or this.host
        if network.fingerprint not in networks:
            networks[network.fingerprint] = of(network)
        network = networks[network.fingerprint]
        with overridden(network, spliced.overrides(run)):
            return network.run(run.tokens, *(patterns if spliced.patterns else ()))

    return passes


def ways(this: Ready) -> tuple[dict[str, Callable[[], Rows]], dict[str, str]]:
    """The functions to time, and why others are left out."""
    timed: dict[str, Callable[[], Rows]] = {LOOP: lambda: by_loop(this)}
    plainly, as_built = torch_passes(this), torch_passes(this, of=lambda host: host)
    timed["torch hooks"] = lambda: by_hooks(this, plainly)
    timed["torch hooks, own layers"] = lambda: by_hooks(this, as_built)
    left_out = {}
    try:
        of_lens = lens_passes(this.host)
        timed["TransformerLens"] = lambda: by_hooks(this, of_lens)
    except ImportError as error:
        left_out["TransformerLens"] = f"cannot be imported ({error}): pip install '.[lens]'"
    return timed, left_out


def report_of(this: Ready, rounds: int, clock: str) -> dict:
    """Median seconds of each way; raises WorkbenchError if two ways give other KLs."""
    timed, left_out = ways(this)
    steps = Steps({"ways": 1 + rounds})
    with steps.step("ways", "all ways must give the same KL"):
        refuse_different({name: task() for name, task in timed.items()})
    seconds = interleaved(timed, rounds, clock, steps.step, "ways", "conditions of tokens")
    return {
        "machine": machine(),
        "host": this.host.name,
        "prompts": len(this.prompts),
        "conditions": len(this.conditions),
        "rounds": rounds,
        "clock": clock,
        "left_out": left_out,
        "seconds": seconds,
        "ratios": {
            f"{name} over {LOOP}": taken / seconds[LOOP]
            for name, taken in seconds.items()
            if name != LOOP
        },
    }


def table(report: dict) -> str:
    """Seconds of each way, and how many times as long as the loop it takes."""
    shared, seconds = report["machine"], report["seconds"]
    lines = [
        f"{report['host']}: {report['prompts']} prompts, {report['conditions']} conditions, "
        f"threads {shared['threads']}, rounds {report['rounds']} (medians), {report['clock']} "
        f"clock, load before {shared['load']}",
        "",
    ]
    lines += [
        f"{way:26}{taken:8.2f} s{taken / seconds[LOOP]:6.2f}" for way, taken in seconds.items()
    ]
    return "\n".join(
        [*lines, *(f"left out: {name}, {why}" for name, why in report["left_out"].items())]
    )


@click.command(help="Time the conditions of one score of tokens, by the loop and by hooks.")
@click.option("--count", type=types.count(), default=512, show_default=True, help="Prompts.")
@click.option("--rounds", type=types.count(), default=3, show_default=True)
@click.option("--clock", type=click.Choice(tuple(CLOCKS)), default="wall", show_default=True)
@click.option("--threads", type=types.count(), help="Threads of torch.  [default: torch's own]")
@click.option(
    "-o", "--output", type=types.OUTPUT_FILE, default=Path("bench-tokens.json"), show_default=True
)
def main(count: int, rounds: int, clock: str, threads: int | None, output: Path) -> None:
    torch.set_num_threads(threads or torch.get_num_threads())
    report = report_of(ready(count), rounds, clock)
    click.echo(table(report))
    write_whole(output, json.dumps(report, indent=1) + "\n")
    click.echo(f"all figures: {output}")


if __name__ == "__main__":
    try:
        main()
    except WorkbenchError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)

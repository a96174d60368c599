"""The document score.json of a token scorecard (docs/sequences.md)."""

from typing import Any

from workbench.score.facts import as_json, finite
from workbench.score.uncertainty import Figure
from workbench.sequences.examples import Examples
from workbench.sequences.part_score import PartScore, bits
from workbench.sequences.score import TokenCard
from workbench.sequences.varied_parts import PREFIX

FORMAT = 1


def document(card: TokenCard) -> dict[str, Any]:
    """The scorecard as plain values; numbers that are not finite become null."""
    return finite(
        {
            "format": FORMAT,
            "command": card.command,
            "theory": {
                "name": card.spec.theory.theory,
                "path": str(card.spec.path),
                "sha256": card.spec.sha256,
            },
            "host": {"name": card.host.name, "fingerprint": card.host.fingerprint},
            "circuit": card.circuit.circuit,
            "circuit_sha256": card.circuit.sha256,
            "prompts": {**card.circuit.prompts.model_dump(), **card.counts},
            "seed": card.seed,
            "parts": {part.name: _part_document(part) for part in card.parts},
            "pictured": _pictured(card.examples) if card.examples else None,
        }
    )


def _pictured(examples: Examples) -> dict[str, Any]:
    """The figures that belong to the pictures of a report."""
    return {
        "prompt": examples.prompt.name,
        "prompts": examples.count,
        "overlap": {
            name: {head.name: head.overlap for head in part.heads}
            for name, part in examples.parts.items()
            if part.heads
        },
        "loss": {
            name: {condition: loss.mean(1).tolist() for condition, loss in part.losses.items()}
            for name, part in examples.parts.items()
            if part.losses
        },
        "neurons": [
            {
                "family": neurons.family,
                "frequency": neurons.frequency,
                "trained_on_circle": len(neurons.trained_deg),
                "neuron": neurons.neuron,
                "share": neurons.share,
            }
            for neurons in examples.neurons
        ],
    }


def figure_facts(figure: Figure) -> dict[str, Any]:
    """A figure with its interval, as documents of tokens have it."""
    return {"value": figure.value, "ci95": figure.ci95}


def _part_document(part: PartScore) -> dict[str, Any]:
    return {
        "words": part.words,
        "level": part.level,
        "kept_of_rule": part.kept,
        "numbers": {**vars(part.numbers), "total": part.numbers.total, "bits": bits(part.numbers)},
        "cheapest_ablation": part.cheapest,
        "recovered_by": {name: figure_facts(figure) for name, figure in part.by_ablation.items()},
        "best_rival": part.rival,
        "ahead": figure_facts(part.ahead),
        "verdict": part.verdict,
        "variants": {
            name.removeprefix(PREFIX): {
                "about": part.row(name).facts.label,
                "loses": figure_facts(figure),
            }
            for name, figure in part.variants.items()
        },
        "conditions": {
            row.facts.name: {
                "kind": row.facts.kind.value,
                "label": row.facts.label,
                **row.quantities,
                "temperature": row.temperature,
                "pattern_overlap": row.overlap,
                "numbers": row.numbers,
                "recovered": row.recovered.value,
                "recovered_ci95": row.recovered.ci95,
            }
            for row in part.rows
        },
    }


def to_json(card: TokenCard) -> str:
    """The document as text, with its keys in a fixed order."""
    return as_json(document(card))

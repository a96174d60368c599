"""Find by search what a theory's last family reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.atoms import TYPICAL_PX, Atom, atoms
from workbench.analyses.propose.figures import Proposal, proposal_json
from workbench.analyses.propose.plot import draw_proposal
from workbench.analyses.propose.sample import Responses, features, permuted, responses
from workbench.analyses.propose.search import Choice, held_out, search
from workbench.analyses.propose.text import proposed_text, terms
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.matching.subject import Subject, SubjectFiles, load_subject, subject_header
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.score.bits import theory_bits
from workbench.score.facts import picture_facts
from workbench.spec import theory_from_text
from workbench.spec.language import Family
from workbench.splice.calibrate import derangement
from workbench.splice.link import link_of
from workbench.theory.poses import RADIUS, Units
from workbench.tune.ledger import circuit_rows, ledger_facts, with_ledger, write_both
from workbench.tune.settings import TuneSettings
from workbench.vision.pictures import Picture
from workbench.work import Work

LEAST = 8  # pictures: half of them are fitted on, the others judge
MOST = 24  # atoms


@dataclass(frozen=True)
class ProposeRequest:
    """The request of `propose`.

    files     the theory whose last family is searched for, and the trained units
    pictures  half of them are fitted on, the others judge; the ledger of the proposed theory names
              all of them, so that they are refused when it is scored
    most      atoms to try
    atoms     atoms to take; None for as many as pay for themselves
    """

    files: SubjectFiles
    pictures: Sequence[Picture]
    most: int = MOST
    atoms: int | None = None


def propose(request: ProposeRequest, output: Path, work: Work) -> Proposal:
    """Search for the reads of a theory's last family, and write the theory that has them.

    Writes NAME-proposed.yaml with its ledger, propose.json and propose.png to the folder `output`.
    The families that are read respond as they are handwritten. Raises WorkbenchError.
    """
    subject, pictures = load_subject(request.files), request.pictures
    _refuse_unsearchable(subject, pictures)
    work, family = work.on_host(subject.host.name), _last(subject)
    *above, last = subject.circuit.layers
    candidates = list(atoms(above, _typical_px(last.units, family.typical_radius_px)))
    sizes = {layer.family: dict(layer.units.shape) for layer in above}
    theory_from_text(proposed_text(subject.spec, [(candidates[0], 1.0)], sizes))  # or refuse now

    with folder_written_whole(output) as folder:
        sampled = responses(subject.host, subject.circuit, family.window_px, pictures, work)
        choices, before = _searched(subject, sampled, candidates, request, work)
        best = choices["labels"]
        chosen = [
            (candidates[i], weight) for i, weight in zip(best.chosen, best.weights, strict=True)
        ]
        text = proposed_text(subject.spec, chosen, sizes)
        name = f"{subject.spec.path.stem}-proposed.yaml"
        result = Proposal(
            header=subject_header(subject, calibration=picture_facts(pictures), seed=work.seed),
            candidates=len(candidates),
            atoms=len(best.chosen),
            paying=best.paying,
            pearson=best.pearson,
            labels_permuted=choices["labels permuted"].pearson,
            poses_permuted=choices["poses permuted"].pearson,
            before=before,
            terms=terms(chosen, sizes),
            theory=name,
            bits=_bits(subject, text),
        )
        _write_theory(subject, text, folder / name, pictures, result)
        write_whole(folder / "propose.json", proposal_json(result))
        write_whole(folder / "propose.png", png(draw_proposal(result)))
    return result


def _last(subject: Subject) -> Family:
    return list(subject.spec.theory.families.values())[-1]


def _searched(
    subject: Subject,
    sampled: Responses,
    candidates: Sequence[Atom],
    request: ProposeRequest,
    work: Work,
) -> tuple[dict[str, Choice], float]:
    """The search and its two controls, and the correlation of the theory as it is.

    Copies of one picture are on one side: fitted on, or held out.
    """
    *above, last = subject.circuit.layers
    layers = {layer.family: layer for layer in above}
    fitted = sampled.item % 2 == 0
    held = int(np.unique(sampled.item[~fitted]).size)
    link = link_of(subject.host.site(subject.circuit.site))

    def choice(values: Float[Tensor, "unit row atom"]) -> Choice:
        return search(values, sampled.trained, fitted, held, link, request.most, request.atoms)

    def values_of(rows: Responses) -> Float[Tensor, "unit row atom"]:
        return features(rows, last.units, layers, candidates, _last(subject).window_px, work)

    values = values_of(sampled)
    choices = {
        "labels": choice(values),
        "poses permuted": choice(values[derangement(len(last.units), work.seed)]),
        "labels permuted": choice(values_of(permuted(sampled, layers, work.seed))),
    }
    before = held_out(sampled.drive.to(sampled.trained), sampled.trained, fitted, link)
    return choices, float(before.mean())


def _refuse_unsearchable(subject: Subject, pictures: Sequence[Picture]) -> None:
    if len(subject.circuit.layers) < 2:
        raise WorkbenchError(
            str(subject.spec.path),
            "a theory of one family",
            "families above the last one, which it may read",
        )
    if len(subject.trained.units) < 2:
        raise WorkbenchError(
            f"circuit {subject.trained.circuit}", "one unit", "two or more, to permute their poses"
        )
    if len(pictures) < LEAST:
        raise WorkbenchError(
            "calibration pictures", f"{len(pictures)}", f"{LEAST} or more: half of them judge"
        )


def _typical_px(units: Units, stated_px: float | None) -> float:
    if stated_px is not None:
        return stated_px
    if RADIUS in units.poses:
        return math.exp(float(np.mean(np.log(units.column(RADIUS)))))
    return TYPICAL_PX


def _write_theory(
    subject: Subject, text: str, file: Path, pictures: Sequence[Picture], result: Proposal
) -> None:
    """Write the theory with a ledger of the pictures, after a check that it compiles."""
    trained, tuned = subject.trained, subject.spec.theory.tuned
    settings = TuneSettings(steps=0, seed=result.header.seed or 0)
    facts = ledger_facts(subject.spec, [trained], {}, pictures, settings)
    last = list(subject.spec.theory.families)[-1]
    facts["written"] = {
        key: value
        for key, value in facts["written"].items()
        if not key.startswith(f"families.{last}.")
    }
    del facts["rate"]  # no gradient was followed
    poses = tuned.poses(trained.sha256) if tuned else {}
    rows = circuit_rows([trained], [poses], [result.before], [result.pearson[result.atoms - 1]])
    ledger = {"circuits": rows, **facts}
    spec = theory_from_text(with_ledger(text, ledger), file)
    compile_spec(spec, trained, subject.host)
    write_both(file, text, spec.theory.theory, ledger)


def _bits(subject: Subject, text: str) -> Mapping[str, int]:
    """The description lengths of the theory as it was, and as proposed; poses are the same."""
    spec, trained = subject.spec, subject.trained
    theory = theory_from_text(text).theory.model_copy(update={"tuned": spec.theory.tuned})
    return {
        "before": math.ceil(theory_bits(spec.theory, trained).total),
        "proposed": math.ceil(theory_bits(theory, trained).total),
    }

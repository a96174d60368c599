"""Proposed families as files: a theory and a circuit for each, and the labelled units they read."""

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import workbench
from workbench.analyses.propose.site.controls import Search
from workbench.analyses.propose.site.dictionary import ORIENTED, Dictionary
from workbench.analyses.propose.site.families import Family
from workbench.analyses.propose.site.figures import FamilyRow
from workbench.analyses.propose.site.kinds import KINDS
from workbench.analyses.propose.site.labels import Labels
from workbench.analyses.propose.site.sample import Stage
from workbench.analyses.propose.text import laid_out
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.files import set_sha256
from workbench.spec import (
    Spec,
    SurveyRecord,
    TrainedCircuit,
    TrainedUnit,
    dump_circuit,
    theory_from_text,
)
from workbench.theory.poses import CENTRE, ORIENTATION
from workbench.tune.ledger import circuit_rows, ledger_facts, with_ledger, write_both
from workbench.tune.settings import TuneSettings
from workbench.vision.pictures import Picture

STEP_DEG = {ORIENTATION: (15, 180), CENTRE: (15, 360)}
WAVELENGTH_PX = 8.0  # of a Gabor that stands in for a family which no wavelength names
SIGMA = 0.4  # of its wavelength
TEXTURES = tuple({"fine_px": fine, "coarse_px": 4 * fine} for fine in (4, 3, 5, 6, 8, 12))
PEAK_DIGITS = 4
STIMULI = "drawn stimuli of workbench/analyses/propose/site/kinds.py, every 15 degrees"
ANY_PHASE = ("grating", ORIENTED)  # families whose units respond to every phase


@dataclass(frozen=True)
class Writer:
    """Writes families of one site to a folder."""

    stage: Stage
    search: Search
    terms: Dictionary
    below: Labels
    pictures: Sequence[Picture]
    folder: Path

    def write(self, family: Family, name: str) -> FamilyRow:
        """Write one family's files; its labelled units are read with `--use-trained`."""
        shared = family.shared
        listed = self.terms.written(shared.chosen, shared.weights)
        upstream = {source: self._upstream(source) for source, _ in listed}
        poses = {unit: self.terms.poses[pose] for unit, pose in shared.poses.items()}
        units = [
            TrainedUnit(unit=unit, centre_deg=pose_deg) for unit, pose_deg in sorted(poses.items())
        ]
        trained = self._circuit(name, self.stage.site.name, units)
        dump_circuit(trained, self.folder / f"{name}.units.yaml")
        for source, circuit in upstream.items():
            dump_circuit(circuit, self.folder / f"{self._named(source)}.units.yaml")
        return FamilyRow(
            name=name,
            saved=family.saved,
            deranged=family.deranged,
            poses=poses,
            pearson=family.pearson,
            terms=listed,
            theory=f"{name}.yaml",
            circuit=f"{name}.units.yaml",
            reads={source: f"{self._named(source)}.units.yaml" for source in upstream},
            problem=self._write_theory(family, listed, trained, upstream),
        )

    def _write_theory(
        self,
        family: Family,
        listed: Sequence[tuple[str, Mapping]],
        trained: TrainedCircuit,
        upstream: Mapping[str, TrainedCircuit],
    ) -> str:
        """Write the theory with the first ideal stimulus for which it compiles.

        The result is why it cannot be compiled; empty where it can.
        """
        problem, name = "", trained.circuit
        for ideal in (None, *TEXTURES):
            text = self._text(name, family, listed, ideal)
            spec, text, ledger = self._ledgered(text, trained, family)
            try:
                for bound in (upstream, {}):
                    compile_spec(spec, trained, self.stage.host, bound=bound)
            except WorkbenchError as error:
                problem = problem or error.problem
                continue
            problem = ""
            break
        write_both(self.folder / f"{name}.yaml", text, spec.theory.theory, ledger)
        return problem

    def _named(self, source: str) -> str:
        return f"{self.stage.before}-{source}"

    def _upstream(self, source: str) -> TrainedCircuit:
        """The labelled units of a family that is read."""
        labels = self.below
        units = [
            TrainedUnit(
                unit=unit,
                centre_deg=float(labels.normal_deg[unit]) if labels.period_deg[unit] else 0.0,
                peak=float(f"{labels.peak[unit]:.{PEAK_DIGITS}g}"),
            )
            for unit in self.terms.members[source].tolist()
        ]
        return self._circuit(source, self.stage.before, units)

    def _circuit(self, name: str, site: str, units: Sequence[TrainedUnit]) -> TrainedCircuit:
        host = self.stage.host
        record = SurveyRecord(
            command=f"workbench propose {host.name} --site {self.stage.site.name}",
            date=datetime.date.today().isoformat(),
            workbench=workbench.__version__,
            stimuli=STIMULI,
            pictures=f"{len(self.pictures)} pictures",
            pictures_sha256=set_sha256([picture.sha256 for picture in self.pictures]),
            thresholds={},
        )
        return TrainedCircuit(
            circuit=name,
            host=host.name,
            fingerprint=host.fingerprint,
            site=site,
            found=record,
            units=tuple(units),
        )

    def _text(
        self,
        name: str,
        family: Family,
        listed: Sequence[tuple[str, Mapping]],
        ideal: Mapping | None,
    ) -> str:
        """The theory: stand-ins for the labelled families, and the family that reads them."""
        reads: dict[str, list[Mapping]] = {}
        for source, term in listed:
            reads.setdefault(source, []).append(term)
        last: dict[str, object] = {
            "poses": "from-circuit",
            "window_px": self.search.step_px * self.search.side,
            **({"ideal": dict(ideal)} if ideal else {}),
            "reads": reads,
        }
        values = {
            "theory": f"{self.stage.site.name}-{name}".lower().replace("_", "-").replace(".", "-"),
            "about": (
                f"{len(family.shared.poses)} units of {self.stage.site.name} that differ by their "
                f"pose alone, proposed by a search. They read labelled units of "
                f"{self.stage.before}: give each of these families its file with --use-trained. "
                "The Gabors written here only stand in for them."
            ),
            "families": {**{source: self._stand_in(source) for source in reads}, name: last},
        }
        return laid_out(values)

    def _stand_in(self, source: str) -> dict[str, object]:
        """Gabors in place of a labelled family, whatever its stimuli.

        Only a family with one axis, an angle, can be read off trained units: not round blobs, and
        no family with a channel.
        """
        before, here = self.stage.host.site(self.stage.before).grid, self.stage.site.grid
        axis = ORIENTATION if self._oriented(source) else CENTRE
        every, over = STEP_DEG[axis]
        pooled = here.stride_px > before.stride_px
        over_px = 3 * before.stride_px
        length = _wavelength_px(source)
        kernel = {"kernel": "gabor", "wavelength_px": length, "sigma_px": SIGMA * length}
        return {
            "poses": {axis: {"every": every, "over": over}},
            "stride_px": before.stride_px,
            "window_px": round(2 * length),
            **({"rectify": "full"} if source.startswith(ANY_PHASE) else {}),
            **({"pool": {"over_px": over_px, "stride_px": here.stride_px}} if pooled else {}),
            "reads": {"input": [{**kernel, "aspect": 0.7}]},
        }

    def _oriented(self, source: str) -> bool:
        periods = set(self.below.period_deg[self.terms.members[source]].tolist())
        return 0.0 not in periods and periods != {360.0}

    def _ledgered(
        self, text: str, trained: TrainedCircuit, family: Family
    ) -> tuple[Spec, str, Mapping]:
        """The spec with a ledger of the pictures, so that they are refused when it is scored."""
        file = self.folder / f"{trained.circuit}.yaml"
        spec = theory_from_text(text, file)
        settings = TuneSettings(steps=0, seed=self.search.work.seed)
        facts = ledger_facts(spec, [trained], {}, self.pictures, settings)
        del facts["rate"]  # no gradient was followed
        reached = float(np.mean(list(family.pearson.values())))
        rows = circuit_rows([trained], [{}], [0.0], [0.0 if math.isnan(reached) else reached])
        ledger = {"circuits": rows, **facts}
        return theory_from_text(with_ledger(text, ledger), file), text, ledger


def _wavelength_px(source: str) -> float:
    """The wavelength that the drawings of a family's kind have."""
    kind = KINDS.get(source)
    words = dict(kind.variants[0][0].words) if kind else {}
    return float(words.get("wavelength_px", WAVELENGTH_PX))

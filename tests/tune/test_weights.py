"""Trained weights in a fit: 1 for the theory that was planted, less for wrong ones, and fitted."""

import pytest
import yaml

from tests.planted import THEORY_OF_LATE, write_late
from workbench.compiler.compile import trained_units
from workbench.compiler.ideal import LIKE
from workbench.compiler.layer import written
from workbench.errors import WorkbenchError
from workbench.spec import TrainedCircuit, load_circuit, load_theory, theory_from_text
from workbench.tune.settings import TuneSettings
from workbench.tune.spec import tuned_spec
from workbench.tune.tune import tune
from workbench.tune.weights import TrainedWeights
from workbench.vision.pictures.drawn import drawn

ROUNDING = 1e-4  # of weights that the network keeps in float32
HARMONICS = "harmonics: [0, 0.6, 0.3]"


class Late:
    """A host whose units `late` read its units of the family `curve` as the theory has it."""

    def __init__(self, folder):
        self.host, self.files = write_late(folder)
        self.trained, self.bound = map(load_circuit, (self.files["late"], self.files["early"]))

    def cosine(self, text: str, trained: TrainedCircuit | None = None) -> float:
        """The cosine with the weights of a theory for the units at these poses."""
        theory = theory_from_text(text).theory
        weights = TrainedWeights(theory, self.trained, self.host, {"curve": self.bound})
        return float(weights.cosine(written(LIKE), trained_units(trained or self.trained)))


@pytest.fixture(scope="module")
def late(tmp_path_factory) -> Late:
    return Late(tmp_path_factory.mktemp("late"))


def test_the_planted_theory_has_the_trained_weights(late):
    assert late.cosine(THEORY_OF_LATE) == pytest.approx(1, abs=ROUNDING)


def test_wrong_theories_do_not(late):
    assert late.cosine(THEORY_OF_LATE.replace("match: same", "match: opposite")) < 0
    turned = tuple(
        unit.model_copy(update={"centre_deg": (unit.centre_deg + 90) % 360})
        for unit in late.trained.units
    )
    assert late.cosine(THEORY_OF_LATE, late.trained.model_copy(update={"units": turned})) < 0.5


def test_a_fit_follows_the_weights(late):
    """Towards those from the units as they are, and away from them if the units were turned."""
    wrong = HARMONICS.replace("0.6", "{tune: 0.1, min: -1, max: 1}")
    theory = theory_from_text(THEORY_OF_LATE.replace(HARMONICS, wrong)).theory

    def fitted(bound: TrainedCircuit, weights: float) -> float:
        settings = TuneSettings(15, bound={"curve": bound}, weights=weights)
        fit = tune(theory, [(late.trained, late.host)], drawn(2, seed=1), settings)
        return fit.values["families", "late", "reads", "curve", 0, "harmonics", 1]

    turned = tuple(
        unit.model_copy(update={"centre_deg": (unit.centre_deg + 180) % 360})
        for unit in late.bound.units
    )
    without = fitted(late.bound, 0.0)
    assert fitted(late.bound, 10.0) > without > 0.1
    assert fitted(late.bound.model_copy(update={"units": turned}), 10.0) < 0 < without


def test_the_ledger_names_the_units_and_their_part(late, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.tune.spec.load", lambda name: late.host)
    written_spec = tmp_path / "late.yaml"
    written_spec.write_text(THEORY_OF_LATE.replace("0.6", "{tune: 0.5, min: -1, max: 1}"))
    settings = TuneSettings(1, bound={"curve": late.bound}, weights=0.5)
    result = tuned_spec(
        written_spec, [late.files["late"]], drawn(2, seed=1), tmp_path / "tuned.yaml", settings
    )
    ledger = yaml.safe_load(result.ledger.read_text())
    assert (ledger["bound"], ledger["weights"]) == ({"curve": late.bound.sha256}, 0.5)
    tuned = load_theory(result.spec).theory.tuned
    assert tuned
    assert tuned.bound == {"curve": late.bound.sha256}


def test_units_whose_weights_are_not_known_are_refused(late):
    theory = theory_from_text(THEORY_OF_LATE).theory
    with pytest.raises(WorkbenchError, match="the last family does not read it"):
        TrainedWeights(theory, late.trained, late.host, {"gabor": late.bound})
    elsewhere = late.bound.model_copy(update={"site": "retina"})
    with pytest.raises(WorkbenchError, match="the site just before"):
        TrainedWeights(theory, late.trained, late.host, {"curve": elsewhere})

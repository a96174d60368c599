"""Terms of the dictionary are terms of the language, and give the drive that the language gives."""

import numpy as np
import pytest
import torch

from workbench.analyses.propose.site.dictionary import LIKE, dictionary, units_of
from workbench.analyses.propose.site.labels import Labels
from workbench.analyses.propose.site.stop import affordable, unit_bits
from workbench.compiler.layer import motif, written
from workbench.spec.terms import Term
from workbench.theory.poses import CENTRE, UNIT, Units
from workbench.theory.rule import weights
from workbench.work import Work

STEP_PX, SIDE = 8, 3
LABELS = Labels(
    ("line",) * 4 + ("edge",) * 4 + ("spot",) * 2,
    np.array([180.0] * 4 + [360.0] * 4 + [0.0] * 2),
    np.array([0.0, 45, 90, 135, 0, 90, 180, 270, 0, 0]),
    np.linspace(1, 3, 10),
)


@pytest.fixture(scope="module")
def terms():
    return dictionary(LABELS, STEP_PX, SIDE, Work())


def test_every_term_is_a_term_of_the_language_and_no_two_are_alike(terms):
    assert len(terms.atoms) == len(set(terms.atoms)) > 50
    for i in range(len(terms.atoms)):
        ((_, term),) = terms.written([i], torch.ones(1))
        Term.model_validate(term)


def test_features_of_a_reader_are_the_drive_of_the_written_terms(terms):
    """What the search fits is what the language says of labelled units over their peaks."""
    generator = torch.Generator().manual_seed(0)
    windows = torch.rand(5, len(LABELS), SIDE**2, generator=generator)
    chosen, weight = [3, 10, len(terms.atoms) - 4], torch.tensor([1.0, -0.5, 0.25])
    pose = 7
    reader = Units(("r",), {CENTRE: (terms.poses[pose],)}, {UNIT: 1})
    drive = torch.zeros(5)
    for family, term in terms.written(chosen, weight):
        members = terms.members[family]
        read = Term.model_validate(term)
        kernel = weights(
            reader,
            units_of(LABELS, members),
            [motif(read, written(LIKE))],
            float(STEP_PX * SIDE),
            STEP_PX,
            LIKE,
        )[0].flatten(1)
        peak = torch.tensor(LABELS.peak[members], dtype=torch.float32)
        drive += (windows[:, members] / peak[:, None] * kernel).sum((1, 2))
    features = terms.features(windows, pose)[:, chosen]
    torch.testing.assert_close(features @ weight, drive, atol=1e-4, rtol=1e-3)
    alone = [terms.kernel(pose, [i], torch.ones(1)).flatten() for i in chosen]
    assert torch.equal(terms.basis(pose, chosen), torch.stack(alone, 1))
    kernel = terms.kernel(pose, chosen, weight)
    torch.testing.assert_close((windows * kernel).sum((1, 2)), drive, atol=1e-4, rtol=1e-3)


def test_without_poses_no_term_depends_on_them():
    plain = dictionary(LABELS.without_poses(), STEP_PX, SIDE, Work(), posed=False)
    assert len(plain.poses) == 1
    assert {atom.match for atom in plain.atoms} == {"any"}


def test_as_many_terms_are_affordable_as_their_bits_allow():
    bits = unit_bits(10, 500, 24)
    assert affordable(bits, 500, 24) == 10
    assert affordable(bits, 5000, 24) < 10
    assert affordable(0, 500, 24) == 1

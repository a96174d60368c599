"""The theory in words says what the spec says, and nothing that it does not."""

import cards
import pytest

from workbench.report.limits import limits
from workbench.report.words import Quantity, plain, theory_words


def words_of(text: str = cards.TEXT) -> str:
    return "\n".join(
        plain(sentence)
        for family in theory_words(cards.spec(text).theory)
        for sentence in family.sentences
    )


@pytest.mark.parametrize(
    "phrase",
    [
        "16 units: 4 orientations (every 45°) × 4 phases (every 90°); one at every 4 px",
        "Gabor filters: wavelength 5.25 px, envelope 1.75 px, aspect 1",
        "They read bar units along an arc of radius 33 px (spread 6 px, extent 12 px)",
        ", those running along the feature to within 17°, with gain −0.5.",
        "silent below 0.125",
    ],
)
def test_poses_reads_and_numbers_are_said(phrase: str):
    assert phrase in words_of()


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        (
            "tolerance_deg: 17",
            "harmonics: [0.5, -0.25]",
            "weighted by 0.5 + −0.25 cos δ, δ from running along",
        ),
        (
            "tolerance_deg: 17",
            "turned: against, profile: [[0, 0.5], [22.5, -0.25]]",
            ", weighted by 0.5 at 0°, −0.25 at 22.5° from running along the feature, only those "
            "turned against the way that the arc turns",
        ),
        ("match: tangent", "match: normal", "crossing the feature at right angles"),
        (
            "along: arc, radius_px: 33, spread_px: 6, extent_px: 12",
            "along: flanks, distance_px: 9, spread_px: 6",
            "next to them at 9 px on both sides",
        ),
        (
            "along: arc, radius_px: 33, spread_px: 6, extent_px: 12",
            "along: outside, distance_px: 9, spread_px: 6",
            "outside their curve, 9 px away from its centre",
        ),
        (
            "bar: {along: arc, radius_px: 33, spread_px: 6, extent_px: 12, match: tangent, "
            "tolerance_deg: 17, gain: -0.5}",
            "bar: {weights: [{to: {unit: 7}, from: {orientation_deg: 45, phase_deg: 90}, "
            "at_px: [-4, 8], weight: -0.2}, {weight: 1}]}",
            "They read bar units by weights set one by one, in the picture's axes: "
            "−0.2 from orientation 45° phase 90° at (−4, 8) px to unit 7; "
            "1 from all at (0, 0) px to all.",
        ),
        (
            "{kernel: gabor, wavelength_px: {tune: 5.25, min: 3, max: 8}, sigma_px: 1.75}",
            "{weights: [{from: {colour: red}, weight: {tune: 2, min: 1, max: 3}}]}",
            "They read the picture by weights set one by one, in the picture's axes: "
            "2 from red at (0, 0) px to all.",
        ),
        (
            "gain: -0.5",
            "gain: -0.5, radius_power: 0.75",
            "with gain −0.5, times the unit's relative radius to the power 0.75.",
        ),
        (
            "gain: -0.5",
            "gain: -0.5, scale_power: {tune: -1, min: -3, max: 3}",
            "with gain −0.5, times the unit's scale to the power −1.",
        ),
        (
            "tolerance_deg: 17, gain: -0.5",
            "tolerance_deg: 17, by: {phase_deg: [1, 0.5, 0, 0]}",
            "phase 90° counts 0.5",
        ),
    ],
)
def test_every_word_follows_the_spec(old: str, new: str, phrase: str):
    assert phrase not in words_of()
    assert phrase in words_of(cards.TEXT.replace(old, new))


def test_kinds_of_numbers():
    def kinds(text: str) -> list[tuple[str, str]]:
        words = theory_words(cards.spec(text).theory)
        return [
            (part.text, part.kind) for part in words[0].sentences[1] if isinstance(part, Quantity)
        ]

    assert kinds(cards.TEXT) == [("5.25 px", "tunable"), ("1.75 px", "constant"), ("1", "constant")]
    assert kinds(cards.TEXT + cards.LEDGER)[0] == ("5.25 px", "tuned")
    assert "5.25 px*" in words_of(cards.TEXT + cards.LEDGER)


def test_limits_are_the_cards_own():
    small, large = (
        cards.card(),
        cards.card(images={"n": 2000, "labelled": 0, "fires": 1, "sha256": "e"}),
    )
    assert any(
        "with 37 images, quote the interval, 0.76 to 0.86" in sentence for sentence in limits(small)
    )
    assert not any("quote the interval" in sentence for sentence in limits(large))
    assert any(
        "fire5:7 has the lowest Pearson correlation, 0.71" in sentence for sentence in limits(small)
    )
    tuned = cards.card(tuned_on={"n": 8, "host": "squeezenet", "date": "2026-01-01"})
    assert any("were tuned on 8 pictures" in sentence for sentence in limits(tuned))
    assert not any("tuned" in sentence for sentence in limits(small))

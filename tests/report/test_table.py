"""The terminal table fits, shows the card's figures, and warns of controls that do as well."""

import io
from dataclasses import replace

import cards
import pytest
from rich.console import Console

from workbench.report import table
from workbench.report.conditions import (
    MISSING,
    against,
    interval,
    left_out,
    number,
    ordered,
    reaching,
)
from workbench.score.uncertainty import Figure


def lines(card, width: int) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO(), legacy_windows=False)
    console.print(table(card))
    return console.export_text().splitlines()


def cells(card, condition: str, width: int = 100) -> list[str]:
    return next(line.split() for line in lines(card, width) if line.startswith(condition + " "))


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("labelled", [True, False])
def test_every_cell_is_whole_in_a_narrow_terminal(width: int, labelled: bool):
    shown = lines(cards.card(labelled), width)
    assert max(map(len, shown)) <= width
    assert not any("…" in line for line in shown)
    assert cells(cards.card(labelled), "control.other_picture", width)[-3:] == [
        "−0.45",
        "to",
        "−0.35",
    ]


def test_a_condition_of_a_long_name_leaves_every_figure_whole():
    card, name = cards.card(True), "compared.a-theory-with-a-name-of-forty-letters"
    shown = lines(
        replace(
            card, conditions=card.conditions | {name: card.conditions["control.other_picture"]}
        ),
        80,
    )
    assert max(map(len, shown)) <= 80
    assert not any("…" in line for line in shown)
    assert sum(line.split()[-3:] == ["−0.45", "to", "−0.35"] for line in shown) == 2


def test_headline_names_theory_host_images_and_figures():
    headline = " ".join(lines(cards.card(), 100)[:2])
    assert (
        "made-up on squeezenet:fire5, 37 images: recovered KL 0.81 (0.76 to 0.86), mean Pearson 0.4"
        in headline
    )


def test_without_an_output_the_network_figures_are_said_to_be_missing():
    text = " ".join(" ".join(lines(replace(cards.card(), compared=False), 100)).split())
    assert "recovered KL not available: the host has no output, mean Pearson 0.4" in text
    assert "the best control" not in text


def test_each_of_several_theories_has_a_line():
    card = cards.card()
    two = cards.in_two(card)
    assert not any(line.startswith("  made-up") for line in lines(card, 100))
    theory_lines = [line for line in lines(two, 100) if line.startswith("  ")]
    assert theory_lines[:2] == [
        "  bars at fire3: 1 units, mean Pearson 0.25",
        "  made-up at fire5: 2 units, mean Pearson 0.75",
    ]


def test_a_row_holds_its_conditions_figures():
    kl, agreement = 0.2345 * (1 - 0.81), 0.9 + 0.81 / 11
    assert cells(cards.card(), "spliced")[1:3] == [f"{kl:.4f}", f"{agreement:.3f}"]
    assert cells(cards.card(), "spliced")[3:5] == [f"{0.5 + 0.81 / 7:.3f}", f"{0.6 + 0.81 / 9:.3f}"]


def test_accuracies_only_where_there_are_labels():
    assert "top-5" in "\n".join(lines(cards.card(labelled=True), 100))
    assert "top-5" not in "\n".join(lines(cards.card(labelled=False), 100))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.79, ()), (0.81, ("control.permuted",)), (0.95, ("control.permuted",))],
)
def test_a_control_that_does_as_well_is_told(value: float, expected: tuple[str, ...]):
    card = cards.with_control(
        "control.permuted", value
    )  # of 0.79 it loses the handwritten units recover 0.10 (0.05 to 0.15)
    assert reaching(card) == expected
    assert ("warning: control.permuted" in "\n".join(lines(card, 100))) == bool(expected)


def test_units_of_another_name_are_told():
    named = [
        cards.card(trained={"bar": {"name": name, "site": "fire3", "sha256": "b" * 64}})
        for name in ("bar", "curve")
    ]
    right, wrong = (" ".join("\n".join(lines(card, 100)).split()) for card in named)
    assert "warning" not in right
    assert "warning: bar is read off units that were found as curve, not as bar." in wrong


def test_the_best_rival_is_named_with_the_paired_figure():
    text = " ".join("\n".join(lines(cards.card(), 100)).split())
    assert (
        "the handwritten units' KL is 47 % lower (42 to 52 %) than the best rival's, "
        "baseline.affine" in text
    )


def test_against_a_better_rival_says_higher():
    made = cards.card()
    worse = Figure(-1.05, (-1.64, 0.56))
    card = replace(made, against={**made.against, "baseline.affine": worse})
    assert against(card, "baseline.affine") == "105 % higher (−56 to 164 %)"
    assert against(made, "baseline.affine") == "47 % lower (42 to 52 %)"


def test_as_written_has_a_row_when_there_is_one():
    assert not any(line.startswith("as_written") for line in lines(cards.card(), 100))
    made = cards.card()
    tuned = replace(made, conditions={**made.conditions, "as_written": cards.condition(0.44, True)})
    assert cells(tuned, "as_written")[-4] == "0.44"


def test_links_of_the_chain_stand_behind_the_handwritten_units():
    made = cards.card()
    chained = replace(
        made,
        conditions={**made.conditions, "trained.bar": cards.condition(0.9, True, "trained.bar")},
    )
    assert cells(chained, "trained.bar")[-4] == "0.90"
    names = ordered(chained)
    assert names.index("trained.bar") == names.index("spliced") + 1
    label = "reading trained units in place of bar and of every bound family above it"
    assert label in chained.conditions["trained.bar"].label


def test_a_variant_has_a_row_and_a_line_of_what_it_loses():
    plain, varied = (
        " ".join(" ".join(lines(card, 80)).split())
        for card in (cards.card(), cards.varied(cards.card()))
    )
    line = "variant.grey, no colour is seen: loses 0.17 (0.12 to 0.22) of recovered KL"
    caution = "the part itself is worth less"
    assert (line in varied, line in plain, caution in varied, caution in plain) == (
        True,
        False,
        True,
        False,
    )
    assert cells(cards.varied(cards.card()), "variant.grey")[-4] == "0.64"
    names = ordered(cards.varied(cards.card()))
    assert names.index("variant.grey") == names.index("spliced") + 1
    assert reaching(cards.varied(cards.card())) == reaching(
        cards.card()
    )  # a variant is no control, whatever it recovers


def test_missing_figures_are_dashes():
    made = cards.card()
    silent = replace(
        made.conditions["spliced"],
        quantities={**made.conditions["spliced"].quantities, "kl": Figure(None)},
        recovered=Figure(None),
    )
    row = cells(replace(made, conditions={**made.conditions, "spliced": silent}), "spliced")
    assert (row[1], row[-1]) == (MISSING, MISSING)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (-1e-9, "0.00"),
        (-0.126, "−0.13"),
        (0.5, "0.50"),
    ],
)
def test_numbers_are_rounded_for_reading(value: float | None, text: str):
    assert number(value, 2) == text


def test_an_interval_of_no_width_is_not_shown():
    assert (interval((0.1, 0.25)), interval((1.0, 1.0)), interval(None)) == ("0.10 to 0.25", "", "")


def test_one_picture_shows_values_without_intervals_and_no_control_is_beaten():
    one = cards.card(images={"n": 1, "labelled": 0, "fires": 1, "sha256": "e" * 64})
    plain = {
        "recovered": {
            ablation: {name: replace(figure, ci95=None) for name, figure in row.items()}
            for ablation, row in one.recovered.items()
        },
        "against": {name: replace(figure, ci95=None) for name, figure in one.against.items()},
        "conditions": {
            name: replace(row, recovered=replace(row.recovered, ci95=None))
            for name, row in one.conditions.items()
        },
    }
    card = replace(one, **plain)
    text = "\n".join(lines(card, 100))
    assert "1 images: recovered KL 0.81, mean" in text
    assert " to " not in next(line for line in lines(card, 100) if line.startswith("spliced"))
    assert reaching(card) == tuple(card.against)
    assert "% lower (no interval, as it rests on one picture)" in " ".join(text.split())


def test_labelled_pictures_are_counted_where_they_are_fewer():
    card = cards.card(images={"n": 37, "labelled": 9, "fires": 1, "sha256": "e" * 64})
    natural = card.conditions["natural"]
    quantities = {
        **natural.quantities,
        **{key: replace(natural.quantities[key], n=9) for key in ("top1", "top5")},
    }
    fewer = {**card.conditions, "natural": replace(natural, quantities=quantities)}
    sentence = "top-1 and top-5 are over the 9 of 37 images that have a known label."
    assert left_out(replace(card, conditions=fewer)) == (sentence,)
    assert left_out(card) == ()


def test_copies_are_counted_in_a_sentence_for_both_sets():
    card = cards.card(
        images={"n": 37, "copies": 3, "labelled": 0, "fires": 1, "sha256": "e" * 64},
        calibration={"n": 11, "copies": 2, "sha256": "a" * 64},
    )
    text = " ".join("\n".join(lines(card, 100)).split())
    assert "3 of 37 images are copies of others: a mean counts each, an interval counts" in text
    assert "2 of 11 calibration images are copies of others." in text
    assert "copies" not in "\n".join(lines(cards.card(), 100))


def test_figures_over_fewer_pictures_or_resamples_are_named_with_their_conditions():
    card = cards.card()
    changed = {
        name: replace(
            card.conditions[name],
            consumer=replace(card.conditions[name].consumer, n=35),
            recovered=replace(card.conditions[name].recovered, resamples=9_990),
        )
        for name in ("spliced", "ablated.zero")
    }
    card = replace(card, conditions={**card.conditions, **changed})
    assert set(left_out(card)) == {
        "next layer is over 35 of 37 images (under ablated.zero, spliced).",
        "the interval of recovered KL is over 9,990 of 10,000 resamples, as in the others nothing "
        "was lost (under ablated.zero, spliced).",
    }
    assert left_out(cards.card(labelled=False)) == ()

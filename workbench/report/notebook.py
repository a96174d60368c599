"""Small pieces of HTML by which a notebook shows theories, circuits and scorecards."""

import base64

from markupsafe import Markup, escape

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.report.drawing import png
from workbench.report.kernels import draw_kernels
from workbench.report.summary import summary, titles
from workbench.report.table import headline
from workbench.report.words import plain, theory_words
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec


def theory_html(spec: Spec) -> str:
    """The theory's families, each with its sentences."""
    theory = spec.theory
    families = Markup("").join(
        Markup("<dt><b>{}</b></dt>{}").format(
            family.name,
            Markup("").join(
                Markup("<dd>{}</dd>").format(plain(sentence)) for sentence in family.sentences
            ),
        )
        for family in theory_words(theory)
    )
    return str(
        Markup("<h4>{}</h4><p>{}</p><dl>{}</dl>").format(theory.theory, theory.about, families)
    )


def circuit_html(circuit: HandwrittenCircuit) -> str:
    """The circuit's layers as text, and their kernels."""
    picture = base64.b64encode(png(draw_kernels(circuit))).decode()
    return str(
        Markup('<pre>{}</pre><img alt="kernels" style="max-width:100%" src="{}">').format(
            repr(circuit), Markup("data:image/png;base64,") + picture
        )
    )


def scorecard_html(card: Scorecard) -> str:
    """The headline and its four rows."""
    head = Markup("").join(Markup("<th>{}</th>").format(title) for title in titles(card))
    rows = Markup("").join(
        Markup("<tr><th>{}</th>{}</tr>").format(
            row.words, Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row.cells)
        )
        for row in summary(card)
    )
    return str(
        Markup("<p>{}</p><table><tr><th></th>{}</tr>{}</table>").format(
            escape(headline(card).plain), head, rows
        )
    )

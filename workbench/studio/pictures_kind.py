"""Theories of pictures in the studio: kernels, tuning curves, a stimulus, and the worst place."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import escape

from workbench.spec import Spec, theory_from_text
from workbench.spec.schema import json_schema
from workbench.studio.address import ANY, KERNELS, STIMULUS, TUNING, WORST, View, data_uri
from workbench.studio.answers import KernelPicture, StimulusAnswer, WorstAnswer
from workbench.studio.axis import responses_svg
from workbench.studio.kind import DRAWING, Kind, ShownView
from workbench.studio.parts import heading, parts_html


def _read(text: str, path: Path) -> Spec:
    """The theory; the ledger of a tuned one is looked for beside `path`."""
    return theory_from_text(text, path, folder=path.parent)


def _kernels_html(pictures: Sequence[KernelPicture], family: str) -> str:
    """The kernels of a family, or why there are none."""
    shown = [picture for picture in pictures if picture.family == family]
    missing = "" if shown else "<p class=small>This family needs a trained circuit.</p>"
    return missing + "".join(map(_kernel_html, shown))


def _tuning_html(figures: Mapping[str, str], family: str) -> str:
    """The report's figures of tuning curves."""
    return "".join(f"<figure>{text}</figure>" for text in figures.values())


def _stimulus_html(answer: StimulusAnswer, family: str) -> str:
    """The picture with both activations of a unit, the responses of all, and what to drag."""
    words = escape(answer.stimulus.words)
    both = _image_html(answer.svg, answer.unit)
    return f"{both}<figure>{responses_svg(answer)}<figcaption>{words}</figcaption></figure>"


def _worst_html(answer: WorstAnswer, family: str) -> str:
    """The patch, and what each term adds there."""
    return _image_html(answer.svg, heading(answer)) + parts_html(answer)


def _kernel_html(picture: KernelPicture) -> str:
    """A kernel picture, in its own size."""
    return _image_html(picture.svg, picture.title, "wide")


def _image_html(svg: str, title: str, kind: str = "") -> str:
    """An SVG as an `img`: a dark page does not change the colours of weights and photographs."""
    source, words = data_uri("image/svg+xml", svg.encode()), escape(title)
    return (
        f'<figure class="{kind}"><img alt="{words}" src="{source}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _show(view: View) -> tuple[str, list[str]]:
    return "show", ["--family", view.family, "-o", "kernels.png"]


def _score(view: View) -> tuple[str, list[str]]:
    return "score", ["--quick", "-o", "out"]


def _print_stimulus(view: View) -> tuple[str, list[str]]:
    return "studio", ["--print", "--stimulus", view.stimulus.text]


def _print_worst(view: View) -> tuple[str, list[str]]:
    return "studio", ["--print", "--worst", view.unit or ANY]


PICTURES = Kind(
    _read,
    json_schema,
    "workbench.studio.measure",
    {
        KERNELS: ShownView("Kernels", "kernels", _kernels_html, _show, DRAWING, of_family=True),
        TUNING: ShownView("Tuning curves", "tuning_pictures", _tuning_html, _score),
        STIMULUS: ShownView(
            "Responses to a stimulus",
            "stimulus_answer",
            _stimulus_html,
            _print_stimulus,
            of_window=True,
        ),
        WORST: ShownView(
            "Where the handwritten unit is most wrong",
            "worst_answer",
            _worst_html,
            _print_worst,
            of_window=True,
        ),
    },
)

"""The terms of a theory as its text writes them."""

from workbench.spec.loader import Spec
from workbench.spec.source import dumped, parse


def written_terms(spec: Spec, family: str) -> dict[str, str]:
    """Each term that a family reads, named as in "line[0]", as one line of YAML.

    The lines hold what the text holds: no default is added. Raises KeyError for a family that the
    theory does not have.
    """
    source = parse(spec.text, str(spec.path))
    return {
        f"{upstream}[{i}]": dumped(
            source.at(source.resolve(("families", family, "reads", upstream, i))), flow=True
        )
        for upstream, terms in spec.theory.families[family].reads.items()
        for i in range(len(terms))
    }

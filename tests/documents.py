"""The numbers of JSON documents, to compare documents place by place."""


def numbers(document: object, path: str = "") -> dict[str, float]:
    """Every number of a document, by its place."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    here = {path: float(document)} if isinstance(document, int | float) else {}
    return here | {
        place: value
        for key, part in inner
        for place, value in numbers(part, f"{path}/{key}").items()
    }

"""Types of the functions by which long work reports its progress."""

from collections.abc import Callable

# called with the number of steps done since the last call, and perhaps with a note to show
Progress = Callable[..., None]
Stage = Callable[[str, int], Progress]  # starts a progress bar: its name and its number of steps
Counter = Callable[[str, int, int], None]  # the name of a stage, its steps done, all its steps


def no_stage(name: str, total: int) -> Progress:
    """Start a stage that shows nothing."""
    return lambda steps, note="": None


def no_counter(name: str, done: int, total: int) -> None:
    """Count steps and show nothing."""

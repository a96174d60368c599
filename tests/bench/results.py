"""The benchmark's results: the ratios that have targets, and a table to read."""

OTHERS = ("hooks", "nnsight", "pyvene")
LARGE = 5000  # drawn pictures of the heavy memory run, which takes minutes: on request alone


def ratios(report: dict) -> dict[str, float]:
    """The ratios that have targets; each is of the same seven conditions on the same pictures."""
    seconds_of, ratios_of = report["parts_s"], {}
    # the parts are timed on one batch, of all pictures if they are fewer
    batches = report["pictures"] / min(report["pictures"], report["batch"])
    once = (
        seconds_of["decoding"] + seconds_of["prefix"] + seconds_of["push"] + seconds_of["circuit"]
    )
    alone = batches * (once + 7 * seconds_of["suffix"])
    for command, seven in report["seven_conditions_s"].items():
        for name, seconds in seven.items():
            if name.startswith("engine"):
                ratios_of[f"{command}: best of the others over {name}"] = (
                    best_of_the_others(seven) / seconds
                )
                ratios_of[f"{command}: hooks on our own layers over {name}"] = (
                    seven["hooks, own layers"] / seconds
                )
        ratios_of[f"{command}: engine cold over the sum of its parts"] = (
            seven["engine cold"] / alone
        )
    for part in ("prefix, torch's layers", "prefix, convolutions", "circuit"):
        ratios_of[f"{part} over prefix"] = seconds_of[part] / seconds_of["prefix"]
    return ratios_of


def best_of_the_others(seven: dict[str, float]) -> float:
    """Seconds of the fastest of the other libraries that are installed."""
    return min(seconds for name, seconds in seven.items() if name in OTHERS)


def table(report: dict) -> str:
    """Seconds of each way and its ratio to the best other library, the memory, what is left out."""
    commands, machine = report["seven_conditions_s"], report["machine"]
    lines = [
        f"{report['host']}: {report['pictures']} pictures, threads {machine['threads']}, rounds "
        f"{report['rounds']} (medians), {report['clock']} clock, load before {machine['load']}",
        "",
        f"{'seven conditions':36}" + "".join(f"{name:>14} s  ratio" for name in commands),
    ]
    for way in next(iter(commands.values())):
        cells = (
            f"{seven[way]:16.2f}{best_of_the_others(seven) / seven[way]:7.1f}"
            for seven in commands.values()
        )
        lines.append(f"{way:36}" + "".join(cells))
    lines += ["", "ratio: how many times as fast as the best of hooks, nnsight and pyvene"]
    lines += [
        f"peak memory at {count} drawn pictures: {mib:.0f} MiB"
        for count, mib in report["peak_mib"].items()
    ]
    lines += [f"left out: {name}, {why}" for name, why in report["left_out"].items()]
    return "\n".join(lines)

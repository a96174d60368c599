"""A transformer in NumPy, one head, query and key at a time, written from the papers alone.

It shares no code with `workbench.hosts.transformer`, and works in float64.
"""

import math

import numpy as np

from workbench.hosts import TransformerShape

# options of a network of the kind of LLaMA
LLAMA = {"d_mlp": 10, "mlp": "swiglu", "norm": "rms", "positions": "rotary", "key_heads": 2}


def norm(vector: np.ndarray, shape: TransformerShape, w: dict, name: str) -> np.ndarray:
    if shape.norm == "none":
        return vector
    if shape.norm == "rms":
        root = math.sqrt(sum(x * x for x in vector) / len(vector) + shape.norm_epsilon)
        return vector / root * w[f"{name}.w"]
    centred = vector - vector.mean()
    root = math.sqrt((centred**2).mean() + shape.norm_epsilon)
    return centred / root * w[f"{name}.w"] + w[f"{name}.b"]


def turned(vector: np.ndarray, place: int, shape: TransformerShape) -> np.ndarray:
    if shape.positions != "rotary":
        return vector
    result = vector.copy()
    for pair in range(len(vector) // 2):
        number = complex(vector[2 * pair], vector[2 * pair + 1])
        number *= np.exp(1j * place * shape.rotary_base ** (-2 * pair / len(vector)))
        result[2 * pair : 2 * pair + 2] = number.real, number.imag
    return result


def function(x: float, name: str) -> float:
    match name:
        case "relu":
            return max(x, 0.0)
        case "gelu":
            return x * (1 + math.erf(x / math.sqrt(2))) / 2
        case "gelu-tanh":
            return x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
        case _:
            return x / (1 + math.exp(-x))


def attention(reads: list, adds: list, shape: TransformerShape, w: dict, b: str) -> list:
    """The output at each place; `adds` are the positions that queries and keys alone read."""
    biased = "attention" in shape.biases
    shared = shape.heads // (shape.key_heads or shape.heads)
    outputs = []
    for query in range(len(reads)):
        output = w[f"{b}attn.b_O"].copy() if biased else np.zeros(shape.d_model)
        for head in range(shape.heads):
            group = head // shared

            def part(name, place, h):
                vector = reads[place] + (0 if name == "V" else adds[place])
                bias = w[f"{b}attn.b_{name}"][h] if biased else 0
                return vector @ w[f"{b}attn.W_{name}"][h] + bias

            keys = range(query + 1 if shape.causal else len(reads))
            q = turned(part("Q", query, head), query, shape)
            scores = [
                q @ turned(part("K", key, group), key, shape) / math.sqrt(shape.d_head)
                for key in keys
            ]
            weights = np.exp(np.array(scores) - max(scores))
            weights /= weights.sum()
            z = sum(a * part("V", key, group) for a, key in zip(weights, keys, strict=True))
            output = output + z @ w[f"{b}attn.W_O"][head]
        outputs.append(output)
    return outputs


def neurons(read: np.ndarray, shape: TransformerShape, w: dict, b: str) -> np.ndarray:
    biased = "mlp" in shape.biases
    pre = read @ w[f"{b}mlp.W_in"]
    b_in = w[f"{b}mlp.b_in"] if biased else np.zeros(shape.d_mlp)
    if shape.mlp == "swiglu":
        gate = np.array([function(x, "silu") for x in read @ w[f"{b}mlp.W_gate"]])
        post = gate * pre + b_in
    else:
        post = np.array([function(x, shape.mlp) for x in pre + b_in])
    return post @ w[f"{b}mlp.W_out"] + (w[f"{b}mlp.b_out"] if biased else 0)


def answer(tokens: list[int], shape: TransformerShape, w: dict) -> np.ndarray:
    """The answer of the network to one prompt; `w` are float64 weights by their names."""
    after = shape.norm_place == "after"
    zero = np.zeros(shape.d_model)
    rows = [zero if shape.positions == "rotary" else row for row in _rows(tokens, shape, w)]
    stream = [
        w["embed.W_E"][t] + (r if shape.positions == "learned" else 0)
        for t, r in zip(tokens, rows, strict=True)
    ]
    adds = rows if shape.positions == "queries-and-keys" else [zero] * len(tokens)
    if after:
        stream = [norm(x, shape, w, "ln_embed") for x in stream]
    for layer in range(shape.layers):
        b = f"blocks.{layer}."
        reads = stream if after else [norm(x, shape, w, f"{b}ln1") for x in stream]
        out = attention(reads, adds, shape, w, b)
        stream = [x + y for x, y in zip(stream, out, strict=True)]
        if after:
            stream = [norm(x, shape, w, f"{b}ln1") for x in stream]
        if shape.mlp != "none":
            reads = stream if after else [norm(x, shape, w, f"{b}ln2") for x in stream]
            stream = [x + neurons(r, shape, w, b) for x, r in zip(stream, reads, strict=True)]
            if after:
                stream = [norm(x, shape, w, f"{b}ln2") for x in stream]
    return _answer(stream, shape, w)


def _rows(tokens: list[int], shape: TransformerShape, w: dict) -> list:
    return (
        list(w["pos_embed.W_pos"][: len(tokens)]) if "pos_embed.W_pos" in w else [0] * len(tokens)
    )


def _answer(stream: list, shape: TransformerShape, w: dict) -> np.ndarray:
    if shape.norm_place == "before":
        stream = [norm(x, shape, w, "ln_final") for x in stream]
    if shape.answer == "embedding":
        mean = sum(stream) / len(stream)
        return mean / math.sqrt(mean @ mean)
    if shape.answer == "last-place":
        stream = stream[-1:]
    out = w["embed.W_E"].T if shape.tied else w["unembed.W_U"]
    return np.array([x @ out + w.get("unembed.b_U", 0) for x in stream])

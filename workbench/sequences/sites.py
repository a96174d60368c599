"""The names of the sites of a transformer that theories of tokens read and override."""

ANSWERS = "unembed"  # the site of the logits
EMBEDDING = "hook_embed"  # the site of the embedded tokens, before positions
NO_LAYER, BEFORE_ALL = 10**6, -1  # where answers are, and where embeddings are


def pattern_site(layer: int) -> str:
    """The attention patterns of a layer."""
    return f"blocks.{layer}.attn.hook_pattern"


def v_site(layer: int) -> str:
    """The values of a layer's keys, of each head or of the heads that share them."""
    return f"blocks.{layer}.attn.hook_v"


def z_site(layer: int) -> str:
    """The heads' outputs of a layer, before their output weights."""
    return f"blocks.{layer}.attn.hook_z"


def post_site(layer: int) -> str:
    """The neurons of a layer."""
    return f"blocks.{layer}.mlp.hook_post"


def stream_site(layer: int) -> str:
    """The stream that the neurons of a layer read."""
    return f"blocks.{layer}.hook_resid_mid"


def stream_before(layer: int) -> str:
    """The stream before a layer."""
    return f"blocks.{layer}.hook_resid_pre"


def layer_of(name: str) -> int:
    """The layer of a site or of a tensor; below 0 for what comes before the first."""
    first, *rest = name.split(".")
    if first == "blocks":
        return int(rest[0])
    return NO_LAYER if first == ANSWERS else BEFORE_ALL

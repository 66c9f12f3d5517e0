"""The tensors of a masked autoencoder (RETFound's models_mae.py) of any size, with values that depend on names alone.

Every value is a multiple of 1/64 below 2, which float32, float16 and bfloat16 hold alike.
"""

import numpy as np

import vit_random


def shapes(width, depth, decoder, decoder_depth, tokens):
    """Name to shape, of the state_dict."""
    out = {"cls_token": (1, 1, width), "pos_embed": (1, tokens, width), "mask_token": (1, 1, decoder),
           "decoder_pos_embed": (1, tokens, decoder), "patch_embed.proj.weight": (width, 3, 2, 2),
           "patch_embed.proj.bias": (width,)}

    def layer(name, n, *ins):
        out[name + ".weight"], out[name + ".bias"] = (n, *ins), (n,)

    def blocks(name, n, w):
        for i in range(n):
            layer(f"{name}.{i}.norm1", w)
            layer(f"{name}.{i}.attn.qkv", 3 * w, w)
            layer(f"{name}.{i}.attn.proj", w, w)
            layer(f"{name}.{i}.norm2", w)
            layer(f"{name}.{i}.mlp.fc1", 4 * w, w)
            layer(f"{name}.{i}.mlp.fc2", w, 4 * w)

    blocks("blocks", depth, width)
    layer("norm", width)
    layer("decoder_embed", decoder, width)
    blocks("decoder_blocks", decoder_depth, decoder)
    layer("decoder_norm", decoder)
    layer("decoder_pred", 12, decoder)
    return out


def draw(name, shape):
    """The tensor of a name, float32."""
    return (np.floor(vit_random.fill(name, int(np.prod(shape)), 0, 128)) / np.float32(64)).reshape(shape)


def encoder(width=2, depth=2, tokens=5):
    """The tensors of a model without its decoder."""
    return {name: draw(name, shape) for name, shape in shapes(width, depth, 1, 0, tokens).items()
            if "decoder" not in name and name != "mask_token"}

"""RETFound's ViT and its relatives on timm's VisionTransformer and Eva, with the drop-path factors as an input.

What is timm's own: patch embedding, class token, position embedding, pre-norm blocks, fused attention, parameter
names. What is set here: LayerNorm eps 1e-6, exact GELU, the pooling, fc_norm once (RETFound of 2023) or twice
(RETFound since 2025), and stochastic depth as a given factor for each sample and residual branch. DINOv3 is timm's Eva.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from timm.layers import AttentionPoolLatent, Mlp, QuickGELU, SwiGLUPacked
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import nn


@dataclass(frozen=True)
class Config:
    image: int
    patch: int
    width: int
    depth: int
    heads: int
    classes: int
    batch: int
    pool: str  # as in graphs/vit, where "mean" is patch tokens, then fc_norm, and all others begin with the final norm
    fc_norm_twice: bool = False
    layer_scale: bool = False  # of DINOv2
    registers: int = 0
    positions: str = ""  # "": for all tokens, "patches", "rotary"
    mlp: str = ""  # "": GELU, "quick_gelu", "swiglu"
    hidden: int = 0  # 0: 4 * width
    bias: str = ""  # "no_key": queries and values alone
    pre_norm: bool = False
    grey: bool = False
    epsilon: float = 1e-6


class Factor(nn.Module):
    """One residual branch times a factor for each sample, in place of timm's DropPath."""

    def __init__(self) -> None:
        super().__init__()
        self.factor: torch.Tensor | None = None  # [B]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor[:, None, None]


class RETFound(VisionTransformer):
    """forward(images [B,3,S,S], drop_path [2*depth,B]) -> logits [B,C]; row 2i of drop_path scales the attention
    branch of block i, row 2i+1 its MLP branch."""

    def __init__(self, c: Config) -> None:
        super().__init__(
            img_size=c.image, patch_size=c.patch, embed_dim=c.width, depth=c.depth, num_heads=c.heads,
            mlp_ratio=mlp_ratio(c), mlp_layer=SwiGLUPacked if c.mlp == "swiglu" else Mlp, qkv_bias=True,
            num_classes=c.classes, global_pool="avg" if c.pool == "mean" else "token",
            norm_layer=partial(nn.LayerNorm, eps=c.epsilon),
            act_layer={"": nn.GELU, "quick_gelu": QuickGELU, "swiglu": nn.SiLU}[c.mlp], weight_init="skip",
            init_values=1e-5 if c.layer_scale else None, reg_tokens=c.registers,
            no_embed_class=c.positions == "patches", pre_norm=c.pre_norm, in_chans=1 if c.grey else 3,
        )
        prepare(self, c)

    def forward(self, images: torch.Tensor, drop_path: torch.Tensor) -> torch.Tensor:
        return classify(self, images, drop_path)


class DINOv3(Eva):
    """The same for timm's DINOv3."""

    def __init__(self, c: Config) -> None:
        super().__init__(
            img_size=c.image, patch_size=c.patch, embed_dim=c.width, depth=c.depth, num_heads=c.heads,
            mlp_ratio=mlp_ratio(c), swiglu_mlp=c.mlp == "swiglu", swiglu_align_to=8, qkv_bias=c.bias == "no_key",
            num_classes=c.classes, global_pool="token", norm_layer=partial(nn.LayerNorm, eps=c.epsilon),
            init_values=1e-5, num_reg_tokens=c.registers, use_abs_pos_emb=False, use_rot_pos_emb=True,
            rope_type="dinov3", rope_temperature=100, rope_rotate_half=True, use_fc_norm=False,
        )
        prepare(self, c)

    def forward(self, images: torch.Tensor, drop_path: torch.Tensor) -> torch.Tensor:
        return classify(self, images, drop_path)


def mlp_ratio(c: Config) -> float:
    """timm's SwiGLUPacked counts both halves of the hidden layer, Eva's SwiGLU one."""
    ratio = (c.hidden or 4 * c.width) / c.width
    return 2 * ratio if c.mlp == "swiglu" and c.positions != "rotary" else ratio


def prepare(model: nn.Module, c: Config) -> None:
    model.config = c
    for block in model.blocks:
        block.drop_path1, block.drop_path2 = Factor(), Factor()
    if c.pool == "attention":
        model.attn_pool = AttentionPoolLatent(c.width, num_heads=c.heads, mlp_ratio=4, act_layer=nn.GELU,
                                              norm_layer=partial(nn.LayerNorm, eps=c.epsilon))
    widths = {"cls_mean": 2, "cls_last4": 4}
    model.head = nn.Linear(widths.get(c.pool, 1) * c.width, c.classes)


def classify(model: nn.Module, images: torch.Tensor, drop_path: torch.Tensor) -> torch.Tensor:
    c, prefix = model.config, model.num_prefix_tokens
    for i, block in enumerate(model.blocks):
        block.drop_path1.factor, block.drop_path2.factor = drop_path[2 * i], drop_path[2 * i + 1]
    if c.grey:
        images = (images * torch.tensor([0.299, 0.587, 0.114], dtype=images.dtype)[:, None, None]).sum(1, keepdim=True)
        darkest, brightest = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
        images = (images - darkest) / (brightest - darkest)  # MIRAGE's MinMaxNormChannel
    if c.pool == "cls_last4":
        outs = model.forward_intermediates(images, indices=4, return_prefix_tokens=True, norm=True,
                                           intermediates_only=True)
        return model.head(torch.cat([tokens[:, 0] for _, tokens in outs], dim=1))
    x = model.forward_features(images)
    patches = x[:, prefix:].mean(1)
    match c.pool:
        case "mean":
            x = model.fc_norm(patches)
            if c.fc_norm_twice:
                x = model.fc_norm(x)
        case "cls":
            x = x[:, 0]
        case "norm_mean":
            x = patches
        case "cls_mean":
            x = torch.cat([x[:, 0], patches], dim=1)
        case "attention":
            x = model.attn_pool(x)
    return model.head(x)


def build(c: Config) -> nn.Module:
    return DINOv3(c) if c.positions == "rotary" else RETFound(c)


def ours(named: dict) -> dict:
    """Renames tensors of timm's Eva, and joins the two halves of a SwiGLU."""
    out = {}
    for name, tensor in named.items():
        name = name.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
        if "fc1_x" in name:
            continue
        if "fc1_g" in name:
            tensor = torch.cat([tensor, named[name.replace("fc1_g", "fc1_x")]])
        out[name.replace("fc1_g", "fc1")] = tensor
    return out


def timms(named: dict, model: nn.Module) -> dict:
    """Undoes ours for the names that a model has."""
    out = {}
    for name in model.state_dict():
        mine = name.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
        mine = mine.replace("fc1_g", "fc1").replace("fc1_x", "fc1")
        tensor = named[mine]
        if "fc1_" in name:
            tensor = tensor.chunk(2)["fc1_x" in name]
        out[name] = tensor
    return out


def gradients(
    c: Config, dtype: torch.dtype, parameters: dict[str, np.ndarray], images: np.ndarray, targets: np.ndarray,
    drop_path: np.ndarray, loss_scale: float,
) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
    """The loss (mean soft-target cross-entropy, unscaled), the logits, the gradients of loss*loss_scale, in dtype."""
    model = build(c).to(dtype).train()
    missing = set(ours(dict(model.named_parameters()))) ^ set(parameters)
    if missing:
        raise ValueError(f"parameters do not match the model: {sorted(missing)}")
    model.load_state_dict(timms({n: torch.from_numpy(v) for n, v in parameters.items()}, model))
    as_input = lambda v: torch.from_numpy(v).to(dtype)
    logits = model(as_input(images), as_input(drop_path))
    loss = nn.functional.cross_entropy(logits, as_input(targets))
    (loss * loss_scale).backward()
    grads = ours({n: p.grad for n, p in model.named_parameters()})
    return loss.item(), logits.detach().numpy(), {n: g.numpy() for n, g in grads.items()}

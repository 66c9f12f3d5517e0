"""RETFound's ViT on timm's VisionTransformer, with the drop-path factors as an input.

What is timm's own: patch embedding, class token, position embedding, pre-norm blocks, fused attention, parameter
names. What is set here: LayerNorm eps 1e-6, exact GELU, the pooling, fc_norm once (RETFound of 2023) or twice
(RETFound since 2025), and stochastic depth as a given factor for each sample and residual branch.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
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
    pool: str  # "mean": patch tokens, then fc_norm; "cls": final norm, then the class token
    fc_norm_twice: bool = False
    layer_scale: bool = False  # of DINOv2


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
            img_size=c.image, patch_size=c.patch, embed_dim=c.width, depth=c.depth, num_heads=c.heads, mlp_ratio=4,
            qkv_bias=True, num_classes=c.classes, global_pool={"mean": "avg", "cls": "token"}[c.pool],
            norm_layer=partial(nn.LayerNorm, eps=1e-6), act_layer=nn.GELU, weight_init="skip",
            init_values=1e-5 if c.layer_scale else None,
        )
        self.fc_norm_twice = c.fc_norm_twice
        for block in self.blocks:
            block.drop_path1, block.drop_path2 = Factor(), Factor()

    def forward(self, images: torch.Tensor, drop_path: torch.Tensor) -> torch.Tensor:
        for i, block in enumerate(self.blocks):
            block.drop_path1.factor, block.drop_path2.factor = drop_path[2 * i], drop_path[2 * i + 1]
        x = self.pool(self.forward_features(images))
        x = self.fc_norm(x)
        if self.fc_norm_twice:
            x = self.fc_norm(x)
        return self.head(x)


def gradients(
    c: Config, dtype: torch.dtype, parameters: dict[str, np.ndarray], images: np.ndarray, targets: np.ndarray,
    drop_path: np.ndarray, loss_scale: float,
) -> tuple[float, np.ndarray, dict[str, np.ndarray]]:
    """The loss (mean soft-target cross-entropy, unscaled), the logits, the gradients of loss*loss_scale, in dtype."""
    model = RETFound(c).to(dtype).train()
    missing = {n for n, _ in model.named_parameters()} ^ set(parameters)
    if missing:
        raise ValueError(f"parameters do not match the model: {sorted(missing)}")
    model.load_state_dict({n: torch.from_numpy(v) for n, v in parameters.items()})
    as_input = lambda v: torch.from_numpy(v).to(dtype)
    logits = model(as_input(images), as_input(drop_path))
    loss = nn.functional.cross_entropy(logits, as_input(targets))
    (loss * loss_scale).backward()
    return loss.item(), logits.detach().numpy(), {n: p.grad.numpy() for n, p in model.named_parameters()}

"""Goldens for the settings of RETFound's recipe, by PyTorch, timm and scikit-learn.

Run from the repository root: python tools/oracle/recipe.py
Needs torch, timm, scikit-learn and numpy. Writes

  training/optim/testdata/average.json   timm's ModelEmaV2 over a few updates
  data/testdata/golden/order.json        DistributedSampler's order at one replica; RETFound's subsamples of train
  graphs/artifacts/testdata/loss.json    losses with class weights and focal factor, and their gradients
  evaluation/testdata/half.json          softmax in float16; the mean over batches of the cross-entropy

Floats are written so that reading them gives the same bits.
"""

import json
import pathlib
import zlib

import numpy as np
import timm.utils
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight
from torch.utils.data import DistributedSampler


def write(path, content):
    pathlib.Path(path).write_text(json.dumps(content, separators=(",", ":")) + "\n")


def floats(x):
    return [float(v) for v in torch.as_tensor(x).flatten()]


def average():
    cases = []
    for decay in (0.9, 0.9998):
        torch.manual_seed(0)
        model = torch.nn.Linear(6, 7)
        model.requires_grad_(False)
        start = floats(torch.cat([p.flatten() for p in model.parameters()]))
        ema = timm.utils.ModelEmaV2(model, decay=decay)
        steps = []
        for _ in range(4):
            for p in model.parameters():
                p += 0.1 * torch.randn_like(p)
            ema.update(model)
            steps.append(floats(torch.cat([p.flatten() for p in model.parameters()])))
        cases.append({"decay": decay, "start": start, "steps": steps,
                      "average": floats(torch.cat([p.flatten() for p in ema.module.parameters()]))})
    write("training/optim/testdata/average.json", cases)


class Labels(torch.utils.data.Dataset):
    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.labels[i]


def describe(order):
    """The beginning of an order and a checksum of all of it, as little-endian uint32."""
    return {"n": len(order), "first": order[:20], "crc32": zlib.crc32(np.array(order, "<u4").tobytes())}


def subsample(labels, ratio, stratified, seed):
    """build_dataset of RETFound's util/datasets.py restated: positions in the order in which Subset has them."""
    n = len(labels)
    g = torch.Generator().manual_seed(seed)
    if not stratified:
        return torch.randperm(n, generator=g)[:max(1, int(n * ratio))].tolist()
    kept = []
    for c in sorted(set(labels)):
        of_class = [i for i, label in enumerate(labels) if label == c]
        k = max(1, int(round(len(of_class) * ratio)))
        kept += [of_class[i] for i in torch.randperm(len(of_class), generator=g)[:k].tolist()]
    g = torch.Generator().manual_seed(seed + 1)
    return [kept[i] for i in torch.randperm(len(kept), generator=g).tolist()]


def order():
    orders = []
    for n, epochs in ((1, [0]), (2, [0, 1]), (16, [0, 7]), (45, [3]), (623, [1]), (2048, [0, 49]), (40000, [2])):
        for epoch in epochs:
            sampler = DistributedSampler(Labels([0] * n), num_replicas=1, rank=0, shuffle=True)
            sampler.set_epoch(epoch)
            orders.append({"epoch": epoch, **describe(list(sampler))})
    counts = [5, 1, 30, 13, 75]
    subsets = []
    for ratio in (0.001, 0.1, 0.5, 0.999):
        for stratified in (False, True):
            for seed in (0, 3):
                labels = [c for c, k in enumerate(counts) for _ in range(k)]
                subsets.append({"ratio": ratio, "stratified": stratified, "seed": seed,
                                "indices": subsample(labels, ratio, stratified, seed)})
    write("data/testdata/golden/order.json", {"orders": orders, "counts": counts, "subsets": subsets})


def focal(logits, targets, gamma, weight):
    logp = logits.log_softmax(-1)
    # 1 - p as the sum of the others: 1 - 1 would have no slope where gamma is below 1.
    others = logits.softmax(-1) @ (1 - torch.eye(logits.shape[-1], dtype=logits.dtype))
    return -(weight * targets * others ** gamma * logp).sum(-1).mean()


def loss():
    torch.manual_seed(1)
    batch, classes = 6, 4
    logits = (3 * torch.randn(batch, classes)).double()
    logits[5] = torch.tensor([40.0, 0.0, -3.0, 1.0])  # a prediction that float32 rounds to 1
    labels = torch.tensor([0, 1, 2, 3, 1, 0])
    counts = np.array([12, 3, 40, 9])
    weight = torch.tensor(compute_class_weight(
        "balanced", classes=np.arange(classes), y=np.repeat(np.arange(classes), counts)))
    hard = F.one_hot(labels, classes).double()
    mixed = 0.9 * (0.7 * hard + 0.3 * hard.flip(0)) + 0.1 / classes
    cases = []
    for name, targets, gamma, weighted in (
            ("hard", hard, 0, False), ("hard weighted", hard, 0, True), ("soft weighted", mixed, 0, True),
            ("hard focal", hard, 2, False), ("soft focal", mixed, 2, False), ("soft focal weighted", mixed, 1.5, True),
            ("small gamma", mixed, 0.5, False), ("gamma 1", hard, 1, False)):
        x = logits.clone().requires_grad_()
        w = weight if weighted else torch.ones(classes, dtype=torch.float64)
        value = focal(x, targets, gamma, w)
        if gamma == 0:
            torch.testing.assert_close(value, F.cross_entropy(x, targets, weight=w))
        value.backward()
        case = {"name": name, "gamma": gamma, "weighted": weighted, "targets": floats(targets),
                "loss": value.item(), "gradient": floats(x.grad)}
        if gamma == 0 and targets is hard:
            # With class indices PyTorch divides by the sum of the weights instead of by the batch.
            by_weight = F.cross_entropy(logits, labels, weight=w).item()
            case["loss_by_weight"] = by_weight
            case["weight_of_batch"] = w[labels].sum().item()
        cases.append(case)
    write("graphs/artifacts/testdata/loss.json", {
        "batch": batch, "classes": classes, "logits": floats(logits), "labels": labels.tolist(),
        "counts": counts.tolist(), "weights": floats(weight), "cases": cases})


def half():
    torch.manual_seed(2)
    n, classes, batch = 90, 5, 16
    logits = 4 * torch.randn(n, classes)
    logits[0] = torch.tensor([20.0, 0.0, -1.0, 2.0, 3.0])  # probabilities that are subnormal in float16
    labels = torch.randint(classes, (n,))
    rounded = logits.half()
    probabilities = rounded.softmax(-1)
    cross_entropy = F.cross_entropy(rounded.float(), labels, reduction="none")
    parts = [c.mean() for c in cross_entropy.split(batch)]
    write("evaluation/testdata/half.json", {
        "classes": classes, "batch": batch, "logits": floats(logits), "labels": labels.tolist(),
        "probabilities": floats(probabilities.float()), "loss_images": cross_entropy.mean().item(),
        "loss_batches": torch.stack(parts).mean().item()})


if __name__ == "__main__":
    average()
    order()
    loss()
    half()

#!/usr/bin/env python3
"""What torch.amp.GradScaler makes of a run with overflows, for training/optim.

    loss_scaler.py > training/optim/testdata/loss_scaler.json

The overflows are the optimizer steps, counted from 0, whose gradient is infinite. Written down are the scale after
each step at which it changed, and whether the optimizer took exactly the other steps.
"""
import json

import torch

STEPS = 9000
OVERFLOWS = [0, 1, 2, 40, 2039, 2040, 4500, 4501, 8999]


def main():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scaler = torch.amp.GradScaler("cpu")
    changes, scale, taken = [], 65536.0, 0
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = weight.sum() * (float("inf") if step in OVERFLOWS else 1.0)
        scaler.scale(loss).backward()
        before = weight.item()
        scaler.step(optimizer)
        scaler.update()
        taken += weight.item() != before
        if scaler.get_scale() != scale:
            scale = scaler.get_scale()
            changes.append({"step": step, "scale": scale})
    print(json.dumps({"torch": torch.__version__, "steps": STEPS, "overflows": OVERFLOWS, "changes": changes,
                      "taken": taken}))


main()

"""Writes graphs/artifacts/testdata/distill.json: a student's loss and its gradient by PyTorch, in float64.

    distill.py      needs requirements.txt

The loss is hard·cross_entropy + (1 - hard)·T²·KL, where KL is kl_div of the softened logits with "batchmean".
"""

import json
import pathlib

import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parents[2] / "graphs/artifacts/testdata/distill.json"


def floats(x: torch.Tensor) -> list[float]:
    return x.detach().float().reshape(-1).tolist()


def main() -> None:
    torch.manual_seed(1)
    batch, classes = 6, 4
    logits = (3 * torch.randn(batch, classes)).float().double()
    teacher = (4 * torch.randn(batch, classes)).float().double()
    teacher[4] = torch.tensor([30.0, 0.0, -40.0, 1.0])  # softened, three probabilities nearly vanish
    labels = torch.tensor([0, 1, 2, 3, 1, 0])
    targets = (0.9 * F.one_hot(labels, classes) + 0.1 / classes).float().double()
    cases = []
    for temperature, hard in ((1.0, 0.5), (3.0, 0.5), (3.0, 0.0), (4.0, 0.9), (0.5, 0.2), (2.0, 1.0)):
        x = logits.clone().requires_grad_()
        soft = F.kl_div(F.log_softmax(x / temperature, -1), F.log_softmax(teacher / temperature, -1),
                        reduction="batchmean", log_target=True) * temperature**2
        loss = hard * F.cross_entropy(x, targets) + (1 - hard) * soft
        loss.backward()
        cases.append({"temperature": temperature, "hard": hard, "loss": loss.item(), "gradient": floats(x.grad)})
    OUT.write_text(json.dumps({"batch": batch, "classes": classes, "logits": floats(logits),
                               "teacher": floats(teacher), "targets": floats(targets), "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()

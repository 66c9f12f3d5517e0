"""A torchvision classifier in PyTorch, beside its ONNX file that Fovea trains. It speaks peer.py's protocol.

Makes the model of the job's "arch" with random weights and writes it to the job's "onnx" (TorchScript exporter, opset
17, symbolic batch). Batch normalisation keeps its statistics, as in Fovea: the model is in evaluation mode, and
everything but the statistics is trained. "batch_norm" says what the file has: "folded" into the convolutions, as the
exporter does by default, or "kept". PyTorch's own model has all of them. Needs tools/oracle/requirements.txt.
"""

import warnings

import torch
import torchvision
from torch import nn

from peer import CLASSES, WEIGHT_DECAY, Peer, serve


class Imported(Peer):
    def build(self, job: dict) -> tuple[nn.Module, list[dict]]:
        model = torchvision.models.get_model(job["model"]["arch"], weights=None, num_classes=CLASSES)
        self.estimate(model)
        model.eval()
        self.export(model, job)
        return model, [{"params": list(model.parameters()), "scale": 1.0, "weight_decay": WEIGHT_DECAY}]

    def estimate(self, model: nn.Module) -> None:
        """Gives batch normalisations the statistics of the batch, and each scale and shift a value of its own: the
        exporter would make one of equal ones."""
        for m in model.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.momentum = None
                nn.init.normal_(m.weight, 1, 0.01)
                nn.init.normal_(m.bias, 0, 0.01)
        model.train()
        with torch.no_grad():
            model(self.images[0])

    def export(self, model: nn.Module, job: dict) -> None:
        kept = {} if job["batch_norm"] == "folded" else {
            "training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
        torch.onnx.export(model, (self.images[0],), job["model"]["onnx"], dynamo=False, opset_version=17,
                          input_names=["images"], output_names=["logits"], dynamic_axes={"images": {0: "batch"}},
                          **kept)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    serve(Imported)

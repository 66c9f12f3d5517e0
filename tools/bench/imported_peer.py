"""One training step of a torchvision classifier in PyTorch, eager, float32, on the CPU, beside the file of it that
Fovea trains.

    python tools/bench/imported_peer.py --arch resnet50 --batch-norm folded --export model.onnx --threads 2

Makes the model with random weights, exports it (TorchScript exporter, opset 17, symbolic batch) and follows peer.py's
protocol. Batch normalisation keeps its statistics, as in Fovea: the model is in evaluation mode, and everything but the
statistics is trained. --batch-norm says what the file has: "folded" into the convolutions, as the exporter does if it
is not told otherwise, or "kept". PyTorch's own model has all of them. Needs requirements.txt.
"""

import argparse
import warnings

import torch
import torchvision
from torch import nn

from peer import Peer, arguments, run


class Imported(Peer):
    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(0)
        self.model = torchvision.models.get_model(options.arch, weights=None, num_classes=options.classes)
        self.factors = []
        self.prepare(options, [{"params": list(self.model.parameters()), "weight_decay": 0.05}])
        self.estimate()
        self.model.eval()
        self.export(options)

    def estimate(self) -> None:
        """Gives batch normalisations the statistics of the batch, and each scale and shift a value of its own: the
        exporter would make one of equal ones."""
        for m in self.model.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.momentum = None
                nn.init.normal_(m.weight, 1, 0.01)
                nn.init.normal_(m.bias, 0, 0.01)
        self.model.train()
        with torch.no_grad():
            self.model(self.images)

    def export(self, options: argparse.Namespace) -> None:
        kept = {} if options.batch_norm == "folded" else {
            "training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
        torch.onnx.export(self.model, (self.images,), options.export, dynamo=False, opset_version=17,
                          input_names=["images"], output_names=["logits"], dynamic_axes={"images": {0: "batch"}}, **kept)


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = arguments(__doc__)
    parser.add_argument("--arch", default="resnet50", help="torchvision's model")
    parser.add_argument("--batch-norm", choices=["folded", "kept"], default="folded", help="in the file")
    parser.add_argument("--export", required=True, help="the file to write")
    run(Imported, parser.parse_args())


if __name__ == "__main__":
    main()

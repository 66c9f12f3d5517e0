"""Writes models/trained/testdata: checkpoints of classifiers as training programs save them, and what they answer.

    retfound.pth.gz      checkpoint-best.pth in the layout of RETFound's script of 2025: model, epoch and the arguments.
                         A small ViT, fine-tuned for a few steps on the photographs of the repository and rounded to
                         1/512, so that the file is small
    retfound.csv         what its evaluation gives on their validation split: the ten columns of its metrics_test.csv,
                         each computed by the functions of scikit-learn and PyTorch that its engine_finetune.py calls
    probabilities.csv    path, label and the probabilities, by PyTorch
    layouts.json         for each layout, names and shapes of the file that the project itself writes for a small model,
                         the drawn values' logits for one drawn image, at two sizes, and how many heads it has. The
                         values are drawn from the names, see vit_random.py

Run it in the repository's root. Needs requirements.txt, timm 1.0.31, transformers 5.24 and open_clip 3.3.
"""

import argparse
import csv
import dataclasses
import gzip
import io
import json
import pathlib
from functools import partial

import numpy as np
import torch
import transformers
from open_clip.transformer import QuickGELU
from open_clip.transformer import VisionTransformer as VisionTransformerOfCLIP
from PIL import Image
from sklearn import metrics
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torchvision import transforms

import vit_model
import vit_random

OUT = pathlib.Path("models/trained/testdata")
DATA = pathlib.Path("data/testdata/retinamnist")
SIZE, BATCH = 32, 16
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class RETFound(VisionTransformer):
    """RETFound's model of 2025: the mean of the patch tokens, and fc_norm twice."""

    def __init__(self, **kwargs):
        super().__init__(norm_layer=partial(nn.LayerNorm, eps=1e-6), global_pool="avg", **kwargs)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1) + self.pos_embed
        x = self.blocks(x)[:, 1:].mean(1)
        return self.head(self.fc_norm(self.fc_norm(x)))


def images(split):
    classes = sorted(d.name for d in (DATA / "train").iterdir())
    resized = int(SIZE / 0.875)
    prepare = transforms.Compose([
        transforms.Resize(resized, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(SIZE),
        transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    for c, name in enumerate(classes):
        for path in sorted((DATA / split / name).iterdir()):
            yield path.relative_to(DATA), c, prepare(Image.open(path).convert("RGB"))


def finetune():
    torch.manual_seed(0)
    model = RETFound(img_size=SIZE, patch_size=8, embed_dim=64, depth=2, num_heads=1, num_classes=5)
    for p in model.parameters():  # what pre-training leaves is far from the initial values
        p.data += 0.05 * torch.randn_like(p)
    _, labels, x = zip(*images("train"))
    x, labels = torch.stack(x), torch.tensor(labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for _ in range(60):
        batch = torch.randint(len(x), (32,))
        loss = nn.functional.cross_entropy(model(x[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for p in model.parameters():
        p.data = (p.data * 512).round() / 512
    return model.eval()


def evaluate(model):
    """The ten columns, and the table of probabilities."""
    paths, labels, x = zip(*images("val"))
    true, losses, probabilities = torch.tensor(labels), [], []
    with torch.no_grad():
        for i in range(0, len(x), BATCH):
            logits = model(torch.stack(x[i:i + BATCH]))
            losses.append(nn.functional.cross_entropy(logits, true[i:i + BATCH]).item())
            probabilities.append(logits.softmax(1))
    p = torch.cat(probabilities).numpy()
    predicted, one = p.argmax(1), np.eye(5, dtype=np.int64)
    t, y = one[true.numpy()], one[predicted]
    macro = {"average": "macro", "zero_division": 0}
    row = {"val_loss": sum(losses) / len(losses), "accuracy": metrics.accuracy_score(true, predicted),
           "f1": metrics.f1_score(t, y, **macro),
           "roc_auc": metrics.roc_auc_score(t, p, multi_class="ovr", average="macro"),
           "hamming": metrics.hamming_loss(t, y), "jaccard": metrics.jaccard_score(t, y, **macro),
           "precision": metrics.precision_score(t, y, **macro), "recall": metrics.recall_score(t, y, **macro),
           "average_precision": metrics.average_precision_score(t, p, average="macro"),
           "kappa": metrics.cohen_kappa_score(true, predicted)}
    return row, [(str(path), label, *map(float, q)) for path, label, q in zip(paths, labels, p)]


def compress(path, content):
    with open(path, "wb") as out, gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as z:
        z.write(content)


def retfound():
    model = finetune()
    arguments = argparse.Namespace(
        batch_size=BATCH, epochs=50, accum_iter=1, model="RETFound_mae", input_size=SIZE, drop_path=0.2, clip_grad=None,
        weight_decay=0.05, lr=None, blr=5e-3, layer_decay=0.65, min_lr=1e-6, warmup_epochs=10, color_jitter=None,
        aa="rand-m9-mstd0.5-inc1", smoothing=0.1, reprob=0.25, finetune="RETFound_mae_meh", task="", global_pool=True,
        data_path="./no_such_folder", nb_classes=5, output_dir="./output_dir", device="cpu", seed=0, savemodel=True,
        norm="IMAGENET", enhance=False, datasets_seed=2026)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "epoch": 3, "args": arguments}, file)
    compress(OUT / "retfound.pth.gz", file.getvalue())
    row, table = evaluate(model)
    with open(OUT / "retfound.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([row.keys(), row.values()])
    with open(OUT / "probabilities.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([("path", "label", *range(5)), *table])
    print(row)


def draw(model):
    """Fills a model from the names of its tensors in the file: vectors of weights about 1, gammas about 0.5."""
    state = model.state_dict() if isinstance(model, nn.Module) else model
    for name, t in state.items():
        center = 1.0 if t.ndim == 1 and name.endswith("weight") else 0.5 if name.endswith(("gamma", "lambda1")) else 0.0
        t.copy_(torch.from_numpy(vit_random.fill(name, t.numel(), center, 0.2)).reshape(t.shape))


def resized(positions, side):
    """RETFound's interpolate_pos_embed."""
    grid = positions[:, 1:].reshape(1, 4, 4, -1).permute(0, 3, 1, 2)
    grid = nn.functional.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
    return torch.cat((positions[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)), 1)


def image(size):
    return torch.from_numpy(vit_random.fill("images", 3 * size * size, 0, 1)).reshape(1, 3, size, size)


SMALL = {"img_size": 16, "patch_size": 4, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 3}
HUGGING = {"image_size": 16, "patch_size": 4, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
           "intermediate_size": 128, "num_labels": 3, "layer_norm_eps": 1e-6}


def timm_file(rename, extra=(), **kwargs):
    """A model of timm whose file has other names."""
    model = VisionTransformer(norm_layer=partial(nn.LayerNorm, eps=1e-6), **SMALL, **kwargs).eval()
    state = {rename(name): t for name, t in model.state_dict().items()}
    draw(state)
    shapes = {name: list(t.shape) for name, t in state.items()} | {name: shape for name, shape in extra}
    logits = []
    with torch.no_grad():
        for size in (16, 24):
            other = VisionTransformer(norm_layer=partial(nn.LayerNorm, eps=1e-6), **{**SMALL, "img_size": size},
                                      **kwargs).eval()
            values = {k: v.clone() for k, v in model.state_dict().items()}
            values["pos_embed"] = resized(values["pos_embed"], size // 4)
            other.load_state_dict(values, strict=True)
            logits.append(other(image(size))[0].tolist())
    return {"shapes": shapes, "logits": logits}


def hugging_file(model, names, answer, sizes=(16, 24)):
    """A model of transformers; names are those of its file."""
    model = model.eval()
    state = {names(name): t for name, t in model.state_dict().items()}
    with torch.no_grad():
        draw(state)
        logits = [answer(model, image(size))[0].tolist() for size in sizes]
    return {"shapes": {name: list(t.shape) for name, t in state.items()}, "logits": logits}


class Dinov2Classes(nn.Module):
    """The class token behind DINOv2 of transformers, with a head."""

    def __init__(self):
        super().__init__()
        self.dinov2 = transformers.Dinov2Model(transformers.Dinov2Config(**HUGGING))
        self.classifier = nn.Linear(32, 3)

    def forward(self, x):
        return self.classifier(self.dinov2(x).last_hidden_state[:, 0])


class Classes(nn.Module):
    """The class token behind a model of transformers or a tower of open_clip, with a head."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.classifier = nn.Linear(32, 3)

    def forward(self, x):
        if isinstance(self.model, VisionTransformerOfCLIP):
            return self.classifier(self.model(x))
        if isinstance(self.model, transformers.CLIPVisionModel):
            return self.classifier(self.model(x, interpolate_pos_encoding=True).pooler_output)
        return self.classifier(self.model(x).last_hidden_state[:, 0])


def of_form(config, file, values):
    """A model of vit_model.py. values makes tensors of the model, by our names, from those of the file, whose names and
    shapes file has."""
    state = {name: torch.zeros(shape) for name, shape in file.items()}
    draw(state)
    ours, logits = values(state), []
    for size in (16, 24):
        model = vit_model.build(dataclasses.replace(config, image=size)).eval()
        mine = dict(ours)
        if "pos_embed" in mine:
            mine["pos_embed"] = (bare if config.positions else resized)(mine["pos_embed"], size // 4)
        model.load_state_dict(vit_model.timms(mine, model), strict=True)
        with torch.no_grad():
            logits.append(model(image(size), torch.ones(2 * config.depth, 1))[0].tolist())
    return {"shapes": {name: list(shape) for name, shape in file.items()}, "logits": logits}


def bare(positions, side):
    """resized, of an embedding without the class token."""
    return resized(torch.cat((positions[:, :1], positions), 1), side)[:, 1:]


def shapes_of(config):
    with torch.device("meta"):
        return {n: list(p.shape) for n, p in vit_model.ours(dict(vit_model.build(config).named_parameters())).items()}


FORM = vit_model.Config(16, 4, 32, 2, 2, 3, 1, "cls")
DINOV3 = dataclasses.replace(FORM, layer_scale=True, registers=4, positions="rotary", bias="no_key", epsilon=1e-5)
GREEN = dataclasses.replace(FORM, layer_scale=True, registers=4, positions="patches")
VISIONFM = dataclasses.replace(FORM, depth=4, pool="cls_last4")
GIANT = dataclasses.replace(FORM, layer_scale=True, mlp="swiglu", hidden=88)
MIRAGE = dataclasses.replace(FORM, grey=True, positions="patches", pool="mean")


def meta(config):
    """Meta's DINOv3: queries, keys and values have one bias, with a mask, and a SwiGLU's halves lie apart."""
    file, hidden = {}, config.hidden or 4 * config.width
    for name, shape in shapes_of(config).items():
        if name.endswith("v_bias"):
            continue
        if name.endswith("q_bias"):
            name, shape = name.replace("q_bias", "qkv.bias"), [3 * config.width]
            file[name + "_mask"] = shape
        if name == "reg_token":
            name = "storage_tokens"
        if config.mlp == "swiglu":
            name = name.replace("mlp.fc2", "mlp.w3")
            if "mlp.fc1" in name:
                shape = [hidden, *shape[1:]]
                file[name.replace("fc1", "w2")] = shape
                name = name.replace("fc1", "w1")
        file[name] = shape
    file |= {"mask_token": [1, config.width], "rope_embed.periods": [4], "local_cls_norm.weight": [config.width],
             "local_cls_norm.bias": [config.width]}

    def values(state):
        out = {}
        for name in shapes_of(config):
            if name.endswith(("q_bias", "v_bias")):
                both = name.replace("q_bias", "qkv.bias").replace("v_bias", "qkv.bias")
                out[name] = (state[both] * state[both + "_mask"]).chunk(3)[0 if name.endswith("q_bias") else 2]
            elif config.mlp == "swiglu" and "mlp.fc1" in name:
                out[name] = torch.cat([state[name.replace("fc1", "w1")], state[name.replace("fc1", "w2")]])
            else:
                out[name] = state[name.replace("reg_token", "storage_tokens") if config.mlp != "swiglu" else
                                  name.replace("reg_token", "storage_tokens").replace("mlp.fc2", "mlp.w3")]
        return out

    return of_form(config, file, values)


def renamed(config, rename, extra=None):
    """A model whose file has other names; pos_embed may be an image there."""
    shapes = shapes_of(config)
    file = {rename(name): shape for name, shape in shapes.items()} | (extra or {})

    def values(state):
        return {name: state[rename(name)].reshape(shape) for name, shape in shapes.items()}

    return of_form(config, file, values)


def mirage():
    """MIRAGE: global_tokens, input adapters, and the position embedding as an image. Its last norm is the classifier's."""
    rename = lambda n: ("model." + n.replace("cls_token", "global_tokens").replace("pos_embed",
        "input_adapters.bscan.pos_emb").replace("patch_embed", "input_adapters.bscan").replace("blocks.", "encoder."))
    shapes = shapes_of(MIRAGE)
    file = {rename(name): shape for name, shape in shapes.items()}
    file["model.input_adapters.bscan.pos_emb"] = [1, 32, 4, 4]
    file["model.output_adapters.bscan.out_proj.weight"] = [16, 32]

    def values(state):
        out = {name: state[rename(name)] for name in shapes}
        out["pos_embed"] = out["pos_embed"].reshape(1, 32, 16).transpose(1, 2).contiguous()
        return out

    return of_form(MIRAGE, file, values)


def clip():
    tower = VisionTransformerOfCLIP(image_size=16, patch_size=4, width=32, layers=2, heads=2, mlp_ratio=4, output_dim=32,
                                    act_layer=QuickGELU, norm_layer=partial(nn.LayerNorm, eps=1e-5))
    tower.proj = None
    return Classes(tower).eval()


def clip_file():
    """open_clip's tower; its forward takes one size, so the larger is a tower of its own."""
    model, logits = clip(), []
    state = {name.replace("model.", "visual."): t for name, t in model.state_dict().items()}
    with torch.no_grad():
        draw(state)
        logits.append(model(image(16))[0].tolist())
        larger = model.model.positional_embedding
        model.model.positional_embedding = nn.Parameter(resized(larger[None], 6)[0])
        model.model.grid_size, model.model.image_size = (6, 6), (24, 24)
        logits.append(model(image(24))[0].tolist())
    return {"shapes": {name: list(t.shape) for name, t in state.items()}, "logits": logits}


def before_5(name):
    """The names of transformers before 5.0, which it still writes."""
    for old, new in (("vit.layers.", "vit.encoder.layer."), ("attention.q_proj", "attention.attention.query"),
                     ("attention.k_proj", "attention.attention.key"), ("attention.v_proj", "attention.attention.value"),
                     ("attention.o_proj", "attention.output.dense")):
        name = name.replace(old, new)
    return name if "dinov2" in name else name.replace("mlp.fc1", "intermediate.dense").replace("mlp.fc2", "output.dense")


def dinov3(**kwargs):
    return transformers.DINOv3ViTConfig(**{**HUGGING, "layer_norm_eps": 1e-5}, num_register_tokens=4, **kwargs)


def layouts():
    vit = lambda m, x: m(x, interpolate_pos_encoding=True).logits
    chunks = lambda name: "teacher.backbone." + name.replace("blocks.0.", "blocks.0.0.").replace("blocks.1.", "blocks.1.1.")
    cls, mean = {"global_pool": "token"}, {"global_pool": "avg"}
    out = {
        "timm": timm_file(lambda n: n, **cls),
        "timm, mean, layer scale": timm_file(lambda n: n, init_values=1e-5, **mean),
        "timm's train.py": timm_file(lambda n: "state_dict." + n, **cls),
        "DistributedDataParallel": timm_file(lambda n: "model.module." + n, **cls),
        "torch.compile": timm_file(lambda n: "state_dict.module._orig_mod." + n, **cls),
        "Lightning": timm_file(lambda n: "state_dict.net.encoder." + n, **cls),
        "MAE": timm_file(lambda n: "model." + n, [("model.mask_token", [1, 1, 16]), ("model.decoder_pos_embed", [1, 17, 16]),
                         ("model.decoder_embed.weight", [16, 32]), ("model.decoder_blocks.0.norm1.weight", [16])], **mean),
        "Meta's DINOv2": timm_file(chunks, [("teacher.backbone.mask_token", [1, 32]),
                                   ("teacher.dino_head.last_layer.weight_g", [8, 1]),
                                   ("student.backbone.cls_token", [1, 1, 32])], init_values=1e-5, **cls),
        "transformers ViT before 5.0": hugging_file(
            transformers.ViTForImageClassification(transformers.ViTConfig(**HUGGING)), before_5, vit),
        "transformers ViT": hugging_file(
            transformers.ViTForImageClassification(transformers.ViTConfig(**HUGGING)), lambda n: n, vit),
        "transformers DINOv2 before 5.0": hugging_file(Dinov2Classes(), before_5, lambda m, x: m(x)),
        "Meta's DINOv3": meta(DINOV3),
        "Meta's DINOv3 plus": meta(dataclasses.replace(DINOV3, mlp="swiglu")),
        "timm's DINOv3": renamed(DINOV3, lambda n: n.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2")),
        "transformers DINOv3": hugging_file(
            Classes(transformers.DINOv3ViTModel(dinov3())), lambda n: n, lambda m, x: m(x)),
        "transformers DINOv3 plus": hugging_file(
            Classes(transformers.DINOv3ViTModel(dinov3(use_gated_mlp=True, hidden_act="silu"))), lambda n: n, lambda m, x: m(x)),
        "transformers DINOv2 with registers": hugging_file(Classes(transformers.Dinov2WithRegistersModel(
            transformers.Dinov2WithRegistersConfig(**HUGGING))), lambda n: n, lambda m, x: m(x), (16,)),  # antialiased
        "RETFound-Green": renamed(GREEN, lambda n: n),
        "VisionFM": renamed(VISIONFM, lambda n: n if n.startswith("head") else "teacher.backbone." + n),
        "DINOv2's giant": renamed(GIANT, lambda n: n.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3")),
        "MIRAGE": mirage(),
        "open_clip": clip_file(),
        "transformers CLIP": hugging_file(Classes(transformers.CLIPVisionModel(transformers.CLIPVisionConfig(
            **{**HUGGING, "layer_norm_eps": 1e-5}, hidden_act="quick_gelu"))), lambda n: n, lambda m, x: m(x)),
        "transformers DINOv2": hugging_file(Dinov2Classes(), lambda n: n, lambda m, x: m(x)),
    }
    with open(OUT / "layouts.json", "w") as f:
        f.write("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()) + "}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layouts", action="store_true", help="write layouts.json alone")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    layouts()
    if not options.layouts:
        retfound()

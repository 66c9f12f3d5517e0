"""Goldens for package data, from Pillow, torchvision and timm.

Run from the repository's root:  python tools/oracle/images.py
Needs: Pillow, numpy, torch, torchvision, timm. Writes data/testdata/golden/:

  modes/NAME.EXT       small images in every colour mode and format
  modes/NAME.rgb.png   the same by Image.open(...).convert("RGB")
  broken/NAME.EXT      files that Pillow refuses
  eval/*.png           Resize(bicubic) + CenterCrop, before normalisation
  eval/tensor.f32      one of them as float32 [3,S,S], after ToTensor and Normalize
  crop/*.png           crop + resize (bicubic) of given boxes
  sizes.csv            resized sizes and crop offsets of torchvision
  folder.txt           the order of torchvision's ImageFolder
  crops.json           histograms of RandomResizedCrop's boxes
  targets.json         timm's smoothed one-hot targets
"""

import io
import json
import math
import pathlib
import random
import shutil
import tempfile

import numpy as np
import PIL
import timm
import torch
import torchvision
from PIL import Image
from timm.data.mixup import mixup_target
from torchvision import transforms as T
from torchvision.transforms import functional as F

OUT = pathlib.Path("data/testdata/golden")
OCT = pathlib.Path("data/testdata/kermany_oct_mini")
SCANS = {
    "oct512": OCT / "test/CNV/CNV-6851127-1.jpeg",
    "oct768": OCT / "train/DME/DME-9583225-1.jpeg",
}


def scene(width, height):
    """A smooth RGB picture with coloured edges, so that chroma errors show."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    r = 128 + 100 * np.sin(x / 5) * np.cos(y / 7)
    g = 255 * x / max(width - 1, 1)
    b = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 3) ** 2, 230, 20)
    r = np.where((x + y) % 16 < 4, 250, r)
    return Image.fromarray(np.stack([r, g, b], -1).clip(0, 255).astype(np.uint8))


def save_rgb(path, image):
    image.save(path, "PNG", optimize=True)


def upright(jpeg):
    """A 4:2:2 JPEG as a 4:4:0 one: the same blocks, in MCUs that are tall instead of wide. The picture is a jumble."""
    at = jpeg.index(b"\xff\xc0") + 5
    height, width = jpeg[at:at + 2], jpeg[at + 2:at + 4]
    assert jpeg[at + 6] == 0x21, "luma is not 2x1"
    return jpeg[:at] + width + height + jpeg[at + 4:at + 6] + b"\x12" + jpeg[at + 7:]


def modes():
    folder = OUT / "modes"
    folder.mkdir()
    rgb = scene(23, 18)
    grey = rgb.convert("L")
    alpha = Image.fromarray((np.arange(23 * 18).reshape(18, 23) * 7 % 256).astype(np.uint8))
    rgba = rgb.copy()
    rgba.putalpha(alpha)
    la = Image.merge("LA", (grey, alpha))
    palette = rgb.quantize(40)
    palette_alpha = palette.copy()
    bit = grey.convert("1")
    cmyk = rgb.convert("CMYK")
    wide = np.asarray(grey).astype(np.uint16) * 257 - np.asarray(alpha).astype(np.uint16) // 2 * (
        np.asarray(grey) > 0
    )

    def put(name, image, **options):
        image.save(folder / name, **options)

    for ext, options in (("png", {}), ("tif", {}), ("bmp", {}), ("ppm", {}), ("webp", {"lossless": True})):
        put(f"rgb.{ext}", rgb, **options)
    for name, image in (("grey", grey), ("bit", bit), ("palette", palette)):
        put(f"{name}.png", image)
        put(f"{name}.tif", image)
        put(f"{name}.bmp", image)
    put("grey.pgm", grey)
    put("rgba.png", rgba)
    put("rgba.tif", rgba)
    put("rgba.bmp", rgba)
    put("rgba.webp", rgba, lossless=True, exact=True)
    put("la.png", la)
    put("palette_alpha.png", palette_alpha, transparency=bytes(range(0, 200, 5)))
    put("rgb_transparent.png", rgb, transparency=rgb.getpixel((0, 0)))
    put("grey_transparent.png", grey, transparency=grey.getpixel((0, 0)))
    put("palette4.png", rgb.quantize(4))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        put(f"rgb_{compression}.tif", rgb, compression=compression)
    put("grey16.png", Image.fromarray(wide))
    put("grey16.tif", Image.fromarray(wide))

    for name, sampling, size in (
        ("rgb444", 0, (45, 35)), ("rgb422", 1, (45, 35)), ("rgb420", 2, (45, 35)),
        ("rgb420_even", 2, (48, 32)), ("rgb420_thin", 2, (3, 40)), ("rgb422_even", 1, (32, 16)),
    ):
        put(f"{name}.jpg", scene(*size), quality=92, subsampling=sampling)
    put("rgb420_progressive.jpg", scene(45, 35), quality=80, progressive=True)
    put("rgb420_restart.jpg", scene(45, 35), quality=85, restart_marker_blocks=2)
    put("rgb422_restart_progressive.jpg", scene(45, 35), quality=85, subsampling=1, progressive=True,
        restart_marker_rows=1)
    put("grey_progressive.jpg", scene(45, 35).convert("L"), quality=85, progressive=True)
    put("rgb420_best.jpg", scene(33, 31), quality=100, subsampling=2, optimize=True)
    put("rgb_lossy.webp", scene(45, 35), quality=80)
    put("rgb_lossy_even.webp", scene(48, 32), quality=95)
    lossy = scene(45, 35)
    lossy.putalpha(Image.linear_gradient("L").resize((45, 35)))
    put("rgba_lossy.webp", lossy, quality=80)
    put("grey.jpg", scene(45, 35).convert("L"), quality=92)
    put("cmyk.jpg", scene(45, 35).convert("CMYK"), quality=95, subsampling=0)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    put("exif_rotated.jpg", scene(45, 35), quality=92, subsampling=0, exif=rotated)

    # Pillow does not write these.
    encoded = io.BytesIO()
    scene(45, 35).save(encoded, "JPEG", quality=92, subsampling=1)
    (folder / "rgb440.jpg").write_bytes(upright(encoded.getvalue()))
    px = np.asarray(rgb).astype(np.uint16)
    deep = np.asarray(px * 257 - (px > 9) * 100, dtype=">u2")
    (folder / "rgb16.ppm").write_bytes(b"P6\n# 16 bits\n23 18\n65535\n" + deep.tobytes())
    percent = (px * 100 // 255).astype(np.uint8)
    (folder / "rgb_max100.ppm").write_bytes(b"P6 23 18 100\n" + percent.tobytes())
    tenths = (np.asarray(grey) // 25).astype(np.uint8)
    (folder / "grey_max10.pgm").write_bytes(b"P5 23 18 10 " + tenths.tobytes())
    plain = " ".join(map(str, np.asarray(grey).ravel()))
    head = "P2 # a comment\n#another\n23 18\n255\n"
    (folder / "grey_plain.pgm").write_text(f"{head}{plain[:300]}#x\n{plain[300:]}")
    thousandths = map(str, px.astype(int).ravel() * 1000 // 255)
    (folder / "rgb_plain.ppm").write_text("P3\n23 18 1000\n" + "\n".join(thousandths))
    write_png16(folder / "rgb16.png", deep, 2)
    with_alpha = np.concatenate([deep, np.full((18, 23, 1), 700, ">u2")], -1)
    write_png16(folder / "rgba16.png", with_alpha, 6)

    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            if image.mode.startswith("I"):  # see the documentation of Decode
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            save_rgb(folder / (path.name + ".rgb.png"), image.convert("RGB"))


def write_png16(path, samples, colour):
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    h, w = samples.shape[:2]
    rows = b"".join(b"\0" + samples[y].astype(">u2").tobytes() for y in range(h))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, colour, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def broken():
    folder = OUT / "broken"
    folder.mkdir()
    rgb = scene(45, 35)

    def bytes_of(kind, **options):
        out = io.BytesIO()
        rgb.save(out, kind, **options)
        return out.getvalue()

    png, jpg = bytes_of("PNG"), bytes_of("JPEG")
    webp, tif, bmp, ppm = bytes_of("WEBP"), bytes_of("TIFF"), bytes_of("BMP"), bytes_of("PPM")
    files = {
        "text.jpg": b"this is not an image\n", "empty.png": b"", "truncated.png": png[: len(png) // 2],
        "truncated.jpg": jpg[: len(jpg) // 2], "no_end.jpg": jpg[:-2], "truncated.webp": webp[: len(webp) // 2],
        "truncated.tif": tif[: len(tif) // 2], "truncated.bmp": bmp[: len(bmp) // 2],
        "truncated.ppm": ppm[: len(ppm) // 2], "header.pgm": b"P5 12", "text.pgm": b"P2 2 2 255 1 2 x 4",
        "above.pgm": b"P2 2 1 7 1 8",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
        try:
            with Image.open(folder / name) as image:
                image.convert("RGB")
        except Exception:
            continue
        raise SystemExit(f"Pillow reads {name}")


def evaluation():
    folder = OUT / "eval"
    folder.mkdir()
    sources = {name: Image.open(path).convert("RGB") for name, path in SCANS.items()}
    sources["scene"] = scene(131, 97)
    sources["tall"] = scene(40, 77)
    save_rgb(folder / "scene.src.png", sources["scene"])
    save_rgb(folder / "tall.src.png", sources["tall"])
    for name, size in (
        ("oct512", 64), ("oct768", 64), ("oct512", 224), ("scene", 48), ("scene", 97), ("tall", 64),
    ):
        resize = T.Compose([
            T.Resize(math.floor(size / (224 / 256)), T.InterpolationMode.BICUBIC), T.CenterCrop(size),
        ])
        out = resize(sources[name])
        save_rgb(folder / f"{name}_{size}.png", out.convert("L") if name.startswith("oct") else out)
        if name == "scene" and size == 48:
            tensor = T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(T.ToTensor()(out))
            (folder / "tensor.f32").write_bytes(tensor.numpy().astype("<f4").tobytes())


def crops():
    folder = OUT / "crop"
    folder.mkdir()
    image = scene(131, 97)
    for top, left, h, w, size in (
        (0, 0, 97, 131, 40), (13, 29, 31, 47, 64), (50, 100, 5, 7, 32), (1, 2, 90, 64, 64),
        (10, 20, 64, 30, 64), (96, 130, 1, 1, 8), (30, 40, 32, 32, 32),
    ):
        out = F.resized_crop(image, top, left, h, w, [size, size], T.InterpolationMode.BICUBIC)
        save_rgb(folder / f"{left}_{top}_{w}_{h}_{size}.png", out)


def sizes():
    rows = ["width,height,size,resized_width,resized_height,left,top"]
    rng = random.Random(0)
    cases = [(512, 496), (768, 496), (28, 28), (4288, 2848), (1, 1), (225, 224), (223, 224), (2, 999)]
    cases += [(rng.randint(1, 4000), rng.randint(1, 4000)) for _ in range(60)]
    for w, h in cases:
        for size in (28, 64, 97, 160, 192, 224, 256, 384):
            pct = 224 / 256 if size <= 224 else 1.0
            rh, rw = F._compute_resized_output_size((h, w), [math.floor(size / pct)])
            # Where CenterCrop cuts: its first pixel, looked up in pictures of coordinates.
            columns = torch.arange(rw).expand(1, size, rw)
            lines = torch.arange(rh).view(1, rh, 1).expand(1, rh, size)
            left, top = (int(F.center_crop(x, [size, size])[0, 0, 0]) for x in (columns, lines))
            rows.append(f"{w},{h},{size},{rw},{rh},{left},{top}")
    (OUT / "sizes.csv").write_text("\n".join(rows) + "\n")


def folder_order():
    names = [
        "b/2.png", "b/10.PNG", "b/a/1.jpg", "b/a-b/1.jpeg", "b/a/c/1.tif", "b/a.b/x.tiff", "b/Z/1.webp",
        "b/notes.txt", "b/é.bmp", "b/z.pgm", "B/1.ppm", "é/1.png", "a b/1.png", "a/1.png", "a/0/x.png",
        "a/.hidden.png", "b/1.gif", "10/1.png", "9/1.png", "𝔘/1.png", "～/1.png", "b/.png",
    ]
    with tempfile.TemporaryDirectory() as root:
        for name in names:
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        found = torchvision.datasets.ImageFolder(root)
        samples = [f"{index} {pathlib.Path(path).relative_to(root)}" for path, index in found.samples]
    lines = ["# files"] + names + ["# samples"] + samples
    (OUT / "folder.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def crop_histograms(draws=100_000, bins=21):
    """Boxes of RandomResizedCrop.get_params, each quantity in equal bins of its range.

    With an odd number of bins no relative position falls on the edge of one.
    """
    torch.manual_seed(0)
    out = []
    for w, h, scale, ratio in (
        (512, 496, (0.08, 1.0), (3 / 4, 4 / 3)), (768, 496, (0.08, 1.0), (3 / 4, 4 / 3)),
        (300, 100, (0.5, 1.0), (3 / 4, 4 / 3)), (100, 260, (0.4, 0.9), (0.5, 2.0)),
    ):
        image = torch.empty(1, h, w)
        boxes = np.array([T.RandomResizedCrop.get_params(image, scale, ratio) for _ in range(draws)], float)
        top, left, ch, cw = boxes.T
        quantities = {
            "area": (cw * ch / (w * h), 0.0, 1.0),
            "log_ratio": (np.log(cw / ch), math.log(ratio[0]) - 0.02, math.log(ratio[1]) + 0.02),
            "left": ((left + 0.5) / (w - cw + 1), 0.0, 1.0),
            "top": ((top + 0.5) / (h - ch + 1), 0.0, 1.0),
        }
        counts = {
            name: {"low": low, "high": high, "counts": np.histogram(v, bins, (low, high))[0].tolist()}
            for name, (v, low, high) in quantities.items()
        }
        case = {"width": w, "height": h, "scale": scale, "ratio": ratio, "draws": draws}
        out.append(case | {"histograms": counts})
    (OUT / "crops.json").write_text(json.dumps(out) + "\n")


def targets():
    out = []
    for labels, classes, smoothing in (([0, 2, 1], 3, 0.0), ([4, 0, 0, 3], 5, 0.1), ([1, 0], 2, 0.3)):
        rows = mixup_target(torch.tensor(labels), classes, 1.0, smoothing).flatten().tolist()
        out.append({"labels": labels, "classes": classes, "smoothing": smoothing, "targets": rows})
    (OUT / "targets.json").write_text(json.dumps(out) + "\n")


def main():
    for module in (PIL, np, torch, torchvision, timm):
        print(module.__name__, module.__version__)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    for step in (modes, broken, evaluation, crops, sizes, folder_order, crop_histograms, targets):
        step()


main()

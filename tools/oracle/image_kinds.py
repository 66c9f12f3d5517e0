"""Small image files of every kind, with the pixels that Pillow reads, for package data/pixels.

Run from the repository's root:  python tools/oracle/image_kinds.py TOOLS
Needs: Pillow 13, numpy, tifffile, imagecodecs, pydicom, and cjpeg and jpegtran of libjpeg-turbo 3.2 in the folder TOOLS.
Writes data/pixels/testdata/kinds/:

  NAME          a file; its kind is told by its first bytes alone
  pixels.csv    for each file: group, width, height and SHA-256 of the RGB bytes by Image.open(NAME).convert("RGB"), or
                "refused" for kinds that are not read; then the notes that decoding it gives

Grey of 16 bits is compared with the high byte of Pillow's samples, or with the range that the file says.
"""

import csv
import hashlib
import io
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

import imagecodecs
import numpy as np
import pydicom
import tifffile
from PIL import Image

OUT = pathlib.Path("data/pixels/testdata/kinds")
W, H = 24, 17
FILES = {}  # name → (group, content, refused, notes, eight-bit samples if Pillow's own are not what is wanted)


def scene(width=W, height=H):
    y, x = np.mgrid[0:height, 0:width].astype(float)
    r = np.where((x + y) % 9 < 3, 250, 128 + 100 * np.sin(x / 5) * np.cos(y / 7))
    g = 255 * x / max(width - 1, 1)
    b = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 3) ** 2, 230, 20)
    return np.stack([r, g, b], -1).clip(0, 255).astype(np.uint8)


RGB = scene()
GREY = np.asarray(Image.fromarray(RGB).convert("L"))
ALPHA = (np.arange(W * H).reshape(H, W) * 7 % 256).astype(np.uint8)
RGBA = np.dstack([RGB, ALPHA])
LA = np.dstack([GREY, ALPHA])
CMYK = np.asarray(Image.fromarray(RGB).convert("CMYK"))
CMYK = np.dstack([CMYK[..., :3], np.asarray(GREY) // 4])
BIT = GREY > 120
GREY16 = (GREY.astype(np.uint16) * 257 - 3 * (GREY > 9)).astype(np.uint16)
RGB16 = (RGB.astype(np.uint16) * 257 - 5 * (RGB > 9)).astype(np.uint16)
PALETTE = Image.fromarray(RGB).quantize(37)


def add(name, group, content, refused=False, notes="", pixels=None):
    assert name not in FILES, name
    FILES[name] = (group, content, refused, notes, pixels)


def save(image, kind, **options):
    out = io.BytesIO()
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


# PNG


def chunk(kind, body, crc=None):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)


def png(rows, bits, colour, width=W, height=H, before=b"", interlace=0, pack=lambda d: chunk(b"IDAT", zlib.compress(d)),
        end=chunk(b"IEND", b"")):
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + pack(rows) + end


def rows_of(samples, bits):
    """Rows with filter 0 of samples [h,w,c] of so many bits."""
    out = b""
    for row in samples.reshape(samples.shape[0], -1):
        if bits == 16:
            out += b"\0" + row.astype(">u2").tobytes()
        elif bits == 8:
            out += b"\0" + row.astype("u1").tobytes()
        else:
            text = "".join(format(int(v), f"0{bits}b") for v in row)
            text += "0" * (-len(text) % 8)
            out += b"\0" + bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
    return out


def adam7(samples, bits):
    out = b""
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        part = samples[y::dy, x::dx]
        if part.size:
            out += rows_of(part, bits)
    return out


def pngs():
    table = b"".join(bytes(c) for c in np.asarray(PALETTE.getpalette()).reshape(-1, 3)[:37].tolist())
    index = np.asarray(PALETTE)
    four = Image.fromarray(RGB).quantize(4)
    sixteen = Image.fromarray(RGB).quantize(16)
    kinds = {
        "grey1": (GREY >> 7, 1, 0, b""), "grey2": (GREY >> 6, 2, 0, b""), "grey4": (GREY >> 4, 4, 0, b""),
        "grey8": (GREY, 8, 0, b""), "rgb8": (RGB, 8, 2, b""), "rgba8": (RGBA, 8, 6, b""), "la8": (LA, 8, 4, b""),
        "rgb16": (RGB16, 16, 2, b""), "rgba16": (np.dstack([RGB16, GREY16]), 16, 6, b""),
        "la16": (np.dstack([GREY16, GREY16[::-1]]), 16, 4, b""), "grey16": (GREY16, 16, 0, b""),
        "palette8": (index, 8, 3, chunk(b"PLTE", table)),
        "palette4": (np.asarray(sixteen), 4, 3, chunk(b"PLTE", bytes(sixteen.getpalette()[:48]))),
        "palette2": (np.asarray(four), 2, 3, chunk(b"PLTE", bytes(four.getpalette()[:12]))),
        "palette1": (BIT.astype(int), 1, 3, chunk(b"PLTE", bytes([9, 50, 200, 250, 120, 3]))),
        "palette8_alpha": (index, 8, 3, chunk(b"PLTE", table) + chunk(b"tRNS", bytes(range(0, 222, 6)))),
        "grey8_key": (GREY, 8, 0, chunk(b"tRNS", struct.pack(">H", int(GREY[3, 3])))),
        "rgb8_key": (RGB, 8, 2, chunk(b"tRNS", struct.pack(">HHH", *map(int, RGB[2, 2])))),
        "rgb16_key": (RGB16, 16, 2, chunk(b"tRNS", struct.pack(">HHH", *map(int, RGB16[2, 2])))),
    }
    for name, (samples, bits, colour, before) in kinds.items():
        wide = {"pixels": (GREY16 >> 8)} if name == "grey16" else {}
        add(f"{name}.png", "PNG", png(rows_of(samples, bits), bits, colour, before=before), **wide)
        add(f"{name}_adam7.png", "PNG", png(adam7(samples, bits), bits, colour, before=before, interlace=1), **wide)
    rows = rows_of(RGB, 8)
    packed = zlib.compress(rows)
    split = lambda d: b"".join(chunk(b"IDAT", packed[i:i + 50]) for i in range(0, len(packed), 50))
    add("split_data.png", "PNG", png(rows, 8, 2, pack=split))
    add("stored.png", "PNG", png(rows, 8, 2, pack=lambda d: chunk(b"IDAT", zlib.compress(d, 0))))
    add("no_end.png", "PNG lenient", png(rows, 8, 2, end=b""))
    add("no_end_adam7.png", "PNG lenient", png(adam7(GREY >> 6, 2), 2, 0, interlace=1, end=b""))
    add("half_end.png", "PNG lenient", png(rows, 8, 2, end=b"\0\0\0\0IE"))
    add("too_much.png", "PNG lenient", png(rows + bytes(999), 8, 2))
    add("too_much_adam7.png", "PNG lenient", png(adam7(RGBA, 8) + bytes(9), 8, 6, interlace=1))
    add("too_much_palette.png", "PNG lenient", png(rows_of(index, 8) + b"\0", 8, 3, before=chunk(b"PLTE", table)))
    add("crc_of_data.png", "PNG lenient", png(rows, 8, 2, pack=lambda d: chunk(b"IDAT", zlib.compress(d), 7)))
    add("no_adler.png", "PNG lenient", png(rows, 8, 2, pack=lambda d: chunk(b"IDAT", zlib.compress(d)[:-4])))
    add("trailing.png", "PNG lenient", png(rows, 8, 2) + b"more bytes behind the end")
    add("exif6.png", "PNG", save(RGB, "PNG", exif=exif(6)), notes="turned")
    add("gamma_profile.png", "PNG", png(rows, 8, 2, before=chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(
        b"sBIT", b"\5\6\5")))
    add("animated.png", "PNG", save(RGB, "PNG", save_all=True, append_images=[Image.fromarray(RGB[::-1].copy())]))
    add("grey12in16.png", "PNG", save((GREY16 >> 4), "PNG"), notes="dark", pixels=(GREY16 >> 12))


# JPEG


def segments(data):
    """The segments of a JPEG up to the first scan, as (marker, bytes), and the rest."""
    out, at = [], 2
    while True:
        marker, size = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
        if marker == 0xDA:
            return out, data[at:]
        out.append((marker, data[at:at + 2 + size]))
        at += 2 + size


def without(data, *markers):
    parts, rest = segments(data)
    return data[:2] + b"".join(b for m, b in parts if m not in markers) + rest


def scans_of(data):
    """The parts of a progressive JPEG: all before each start of scan."""
    at, cuts = 0, []
    while (at := data.find(b"\xff\xda", at)) >= 0:
        cuts.append(at)
        at += 2
    return cuts


def jpegs(tools):
    def run(tool, *options, image=RGB, scans=None):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "in")
            if isinstance(image, bytes):
                source.write_bytes(image)
            else:
                source.write_bytes(save(image, "PPM"))
            if scans:
                script = pathlib.Path(folder, "scans")
                script.write_text(scans)
                options += ("-scans", str(script))
            path = pathlib.Path(tools, tool)
            path = path if path.exists() else path.with_name(tool + "-static")
            return subprocess.run([path, *options, str(source)], check=True, capture_output=True).stdout

    def cjpeg(*options, **more):
        return run("cjpeg", *options, **more)

    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        for quality in (30, 75, 100):
            add(f"rgb{name}_q{quality}.jpg", "JPEG", save(RGB, "JPEG", quality=quality, subsampling=sampling))
        add(f"rgb{name}_progressive.jpg", "JPEG", save(RGB, "JPEG", subsampling=sampling, progressive=True))
        add(f"rgb{name}_optimized.jpg", "JPEG", save(RGB, "JPEG", subsampling=sampling, optimize=True))
        add(f"rgb{name}_restart.jpg", "JPEG", save(RGB, "JPEG", subsampling=sampling, restart_marker_blocks=1))
        add(f"cmyk{name}.jpg", "JPEG", save(Image.fromarray(CMYK, "CMYK"), "JPEG", subsampling=sampling))
    add("grey.jpg", "JPEG", save(GREY, "JPEG"))
    add("grey_progressive.jpg", "JPEG", save(GREY, "JPEG", progressive=True))
    add("keep_rgb.jpg", "JPEG", save(RGB, "JPEG", keep_rgb=True))
    add("keep_rgb_progressive.jpg", "JPEG", save(RGB, "JPEG", keep_rgb=True, progressive=True))
    add("ycck.jpg", "JPEG", imagecodecs.jpeg8_encode(CMYK, level=85, colorspace="CMYK", outcolorspace="YCCK"))
    cmyk = save(Image.fromarray(CMYK, "CMYK"), "JPEG")
    add("cmyk_no_adobe.jpg", "JPEG", without(cmyk, 0xEE))
    for orientation in (1, 3, 6, 8):
        add(f"exif{orientation}.jpg", "JPEG", save(RGB, "JPEG", exif=exif(orientation)),
            notes="" if orientation == 1 else "turned")
    plain = save(RGB, "JPEG", quality=80)
    add("no_jfif.jpg", "JPEG", without(plain, 0xE0))
    add("adobe_ycc.jpg", "JPEG", plain[:2] + b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\1" + without(plain, 0xE0)[2:])
    add("adobe_rgb.jpg", "JPEG", plain[:2] + b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0" + without(plain, 0xE0)[2:])
    add("fill_bytes.jpg", "JPEG", plain[:2] + b"\xff\xff\xff" + plain[2:])
    add("trailing.jpg", "JPEG", plain + b"behind the end" * 9)
    add("no_huffman.jpg", "JPEG", without(plain, 0xC4))  # as in motion JPEG: Pillow uses the standard's tables
    add("no_quantization.jpg", "JPEG", without(plain, 0xDB), refused=True)
    for sample in ("4x1", "1x4", "4x2", "2x4", "1x2", "2x4,1x1,1x1", "2x2,2x1,1x1", "2x2,1x2,1x1", "1x1,2x2,2x2",
                   "2x1,1x2,1x1", "3x1", "1x3", "4x1,2x1,1x1", "2x2,2x2,1x1", "1x2,1x1,1x2"):
        for picture, size in ((RGB, ""), (scene(41, 37), "_large")):
            if "," not in sample or size:
                add(f"sample_{sample.replace(',', '_')}{size}.jpg", "JPEG sampling",
                    cjpeg("-quality", "85", "-sample", sample, image=picture))
    add("sample_progressive.jpg", "JPEG sampling", cjpeg("-progressive", "-sample", "2x2,1x2,1x1"))
    thirds = cjpeg("-sample", "3x1")
    at = thirds.index(b"\xff\xc0") + 14  # the second component
    add("fraction.jpg", "JPEG sampling", thirds[:at] + b"\x21" + thirds[at + 1:], refused=True)
    for name, options in (("baseline", ()), ("progressive", ("-progressive",)), ("grey", ("-grayscale",)),
                          ("grey_progressive", ("-grayscale", "-progressive")), ("restart", ("-restart", "1")),
                          ("restart_progressive", ("-progressive", "-restart", "2B")), ("best", ("-quality", "100")),
                          ("422", ("-sample", "2x1")), ("rgb", ("-rgb",))):
        add(f"arithmetic_{name}.jpg", "JPEG arithmetic", cjpeg("-arithmetic", *options))
    add("arithmetic_large.jpg", "JPEG arithmetic", cjpeg("-arithmetic", image=scene(61, 50)))
    add("scans_apart.jpg", "JPEG", cjpeg(scans="0;\n1;\n2;\n"))
    add("scans_two_and_one.jpg", "JPEG", cjpeg(scans="0 2;\n1;\n"))
    add("scans_apart_restart.jpg", "JPEG", cjpeg("-restart", "2B", scans="0;\n1;\n2;\n"))
    add("lossless.jpg", "JPEG other", cjpeg("-lossless", "1"), refused=True)
    add("bits12.jpg", "JPEG other", cjpeg("-precision", "12"), refused=True)
    add("jpegls.jpg", "JPEG other", imagecodecs.jpegls_encode(RGB), refused=True)

    big = scene(61, 45)
    restart = save(big, "JPEG", quality=80, restart_marker_rows=1)
    marks = [i for i in range(len(restart) - 1) if restart[i] == 0xFF and 0xD0 <= restart[i + 1] <= 0xD7]
    assert len(marks) == 2, marks
    short = save(scene(61, 120), "JPEG", quality=80, restart_marker_rows=1)
    places = [i for i in range(len(short) - 1) if short[i] == 0xFF and 0xD0 <= short[i + 1] <= 0xD7]
    lose = lambda data, at: data[:at] + data[at + 2:]
    renumber = lambda data, at, n: data[:at + 1] + bytes([0xD0 + n]) + data[at + 2:]
    add("restart_first_lost.jpg", "JPEG damaged", lose(restart, marks[0]), notes="damaged")
    add("restart_last_lost.jpg", "JPEG damaged", lose(restart, marks[1]), notes="damaged")
    for i, at in enumerate(places[:5]):
        add(f"restart_lost{i}.jpg", "JPEG damaged", lose(short, at), notes="damaged")
    add("restart_wrong.jpg", "JPEG damaged", renumber(short, places[2], 6), notes="damaged")
    add("restart_ahead.jpg", "JPEG damaged", renumber(short, places[2], 3), notes="damaged")
    add("restart_behind.jpg", "JPEG damaged", renumber(short, places[2], 1), notes="damaged")
    add("segment_lost.jpg", "JPEG damaged", short[:places[1]] + short[places[2]:], notes="damaged")
    add("ends_early.jpg", "JPEG damaged", plain[:-60] + b"\xff\xd9", notes="damaged")
    grey = save(big, "JPEG", quality=80, restart_marker_rows=1, subsampling=0)
    at = [i for i in range(len(grey) - 1) if grey[i] == 0xFF and 0xD0 <= grey[i + 1] <= 0xD7]
    add("restart_444_lost.jpg", "JPEG damaged", lose(grey, at[2]), notes="damaged")
    add("junk.jpg", "JPEG damaged", plain[:20] + b"junk" + plain[20:])

    for name, data in (("420", save(big, "JPEG", progressive=True, quality=70)),
                       ("444", save(big, "JPEG", progressive=True, quality=70, subsampling=0)),
                       ("grey", save(Image.fromarray(big).convert("L"), "JPEG", progressive=True, quality=70)),
                       ("arithmetic", cjpeg("-arithmetic", "-progressive", "-quality", "70", image=big))):
        cuts = scans_of(data)
        for n in range(1, len(cuts)):
            add(f"scans{n}_{name}.jpg", "JPEG incomplete", data[:cuts[n]] + b"\xff\xd9", notes="incomplete")
        if name != "arithmetic":
            for n in (1, 3):
                middle = (cuts[n] + cuts[n + 1]) // 2
                add(f"scans{n}_half_{name}.jpg", "JPEG incomplete", data[:middle] + b"\xff\xd9",
                    notes="damaged incomplete")


# TIFF


def tiff(pixels, **options):
    out = io.BytesIO()
    options.setdefault("photometric", "minisblack" if pixels.ndim == 2 else "rgb")
    tifffile.imwrite(out, pixels, **{"metadata": None, **options})
    return out.getvalue()


def raw_tiff(tags, data, order="<", big=False):
    """A TIFF of given tags {id: (type, values)}, with one strip; tag 273 is filled in."""
    sizes = {1: "B", 2: "B", 3: "H", 4: "I", 16: "Q"}
    tags = dict(sorted(tags.items()))
    head = 8 + 2 + 12 * len(tags) + 4
    extra, entries = b"", b""
    place = {}
    for tag, (kind, values) in tags.items():
        packed = struct.pack(order + sizes[kind] * len(values), *values)
        if len(packed) > 4:
            place[tag] = head + len(extra)
            extra += packed + b"\0" * (len(packed) % 2)
    start = head + len(extra)
    for tag, (kind, values) in tags.items():
        if tag == 273:
            values = [start]
        packed = struct.pack(order + sizes[kind] * len(values), *values)
        field = struct.pack(order + "I", place[tag]) if tag in place else packed.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + field
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8) + struct.pack(order + "H", len(tags)) + entries + bytes(4) + extra + data


def tags_of(bits, photometric, samples=1, compression=1, data=b"", **more):
    tags = {256: (3, [W]), 257: (3, [H]), 258: (3, [bits] * samples), 259: (3, [compression]), 262: (3, [photometric]),
            273: (4, [0]), 277: (3, [samples]), 278: (3, [H]), 279: (4, [len(data)])}
    tags.update({int(k[1:]): v for k, v in more.items()})
    return tags


def tiffs():
    tall = scene(70, 53)
    kinds = {"grey8": (GREY, {}), "rgb8": (RGB, {}), "rgba8": (RGBA, {"extrasamples": [2]}),
             "rgbx8": (RGBA, {"extrasamples": [0]}), "la8": (LA, {"photometric": "minisblack", "extrasamples": [2]}),
             "cmyk8": (CMYK, {"photometric": "separated"}), "rgb16": (RGB16, {}), "grey16": (GREY16, {}),
             "inverted8": (GREY, {"photometric": "miniswhite"}),
             "rgba16": (np.dstack([RGB16, GREY16]), {"extrasamples": [2]}),
             "cmyk16": (CMYK.astype(np.uint16) * 257, {"photometric": "separated"})}
    high = {"grey16": {"pixels": (GREY16 >> 8)}}
    for name, (pixels, options) in kinds.items():
        add(f"{name}.tif", "TIFF", tiff(pixels, **options), **high.get(name, {}))
        add(f"{name}_mm.tif", "TIFF", tiff(pixels, byteorder=">", **options), **high.get(name, {}))
        for compression in ("lzw", "adobe_deflate", "packbits"):
            if "16" not in name or compression != "packbits":
                add(f"{name}_{compression}.tif", "TIFF", tiff(pixels, compression=compression, rowsperstrip=5, **options),
                    **high.get(name, {}))
        add(f"{name}_predictor_mm.tif", "TIFF", tiff(pixels, compression="lzw", predictor=True, byteorder=">", **options),
            **high.get(name, {}))
        add(f"{name}_predictor.tif", "TIFF", tiff(pixels, compression="adobe_deflate", predictor=True, **options),
            **high.get(name, {}))
        add(f"{name}_big.tif", "BigTIFF", tiff(pixels, bigtiff=True, **options), **high.get(name, {}))
    for name, pixels in (("rgb", tall), ("grey", tall[..., 1].copy())):
        for compression in (None, "lzw", "adobe_deflate", "jpeg"):
            add(f"tiles_{name}_{compression}.tif", "TIFF tiles", tiff(pixels, tile=(16, 32), compression=compression))
    add("tiles_predictor.tif", "TIFF tiles", tiff(tall, tile=(16, 16), compression="lzw", predictor=True))
    add("tiles_big.tif", "TIFF tiles", tiff(tall, tile=(32, 16), compression="lzw", bigtiff=True))
    planes = lambda p: np.ascontiguousarray(np.moveaxis(p, -1, 0))
    for compression in (None, "lzw", "adobe_deflate"):
        for name, pixels, options in (("rgb8", RGB, {}), ("rgba8", RGBA, {"extrasamples": [2]}),
                                      ("cmyk8", CMYK, {"photometric": "separated"})):
            add(f"planar_{name}_{compression}.tif", "TIFF planar",
                tiff(planes(pixels), planarconfig="separate", compression=compression, rowsperstrip=7,
                     **{"photometric": "rgb", **options}))
        if compression:
            add(f"planar_rgb16_{compression}.tif", "TIFF planar", tiff(
                planes(RGB16), planarconfig="separate", compression=compression, photometric="rgb"))
    add("planar_tiles.tif", "TIFF planar", tiff(planes(tall), planarconfig="separate", tile=(16, 16), photometric="rgb",
                                                compression="lzw"))
    add("planar_predictor.tif", "TIFF planar", tiff(planes(RGB), planarconfig="separate", photometric="rgb",
                                                    compression="lzw", predictor=True))
    for name, options in (("ycbcr", {}), ("rgb", {"compressionargs": {"outcolorspace": "rgb"}})):
        add(f"jpeg_{name}.tif", "TIFF JPEG", tiff(tall, compression="jpeg", rowsperstrip=16, **options))
    for sampling in ((1, 1), (2, 1), (2, 2)):
        add(f"jpeg_{sampling[0]}{sampling[1]}.tif", "TIFF JPEG", tiff(tall, compression="jpeg", photometric="ycbcr",
            subsampling=sampling, rowsperstrip=16))
    add("jpeg_grey.tif", "TIFF JPEG", tiff(tall[..., 0].copy(), compression="jpeg", rowsperstrip=24))
    add("jpeg_cmyk.tif", "TIFF JPEG", save(Image.fromarray(CMYK, "CMYK"), "TIFF", compression="jpeg"))
    add("jpeg_libtiff.tif", "TIFF JPEG", save(tall, "TIFF", compression="jpeg", quality=80))
    add("jpeg_libtiff_grey.tif", "TIFF JPEG", save(tall[..., 2].copy(), "TIFF", compression="jpeg"))

    bit = Image.fromarray(BIT)
    for compression in ("raw", "group3", "group4", "tiff_lzw", "packbits", "tiff_adobe_deflate"):
        add(f"bit_{compression}.tif", "TIFF bilevel", save(bit, "TIFF", compression=compression))
        add(f"bit_white0_{compression}.tif", "TIFF bilevel", save(bit, "TIFF", compression=compression,
            tiffinfo={262: 0}))
    add("bit_ccitt.tif", "TIFF bilevel", save(bit, "TIFF", compression="tiff_ccitt"), refused=True)
    wide = Image.fromarray(scene(333, 40)[..., 1] > 90)
    add("bit_wide_group4.tif", "TIFF bilevel", save(wide, "TIFF", compression="group4"))
    add("bit_wide_group3.tif", "TIFF bilevel", save(wide, "TIFF", compression="group3"))
    packed = np.packbits(BIT, axis=1).tobytes()
    backwards = bytes(int(format(b, "08b")[::-1], 2) for b in packed)
    for photometric in (0, 1):
        add(f"bit_{photometric}_mm.tif", "TIFF bilevel", raw_tiff(tags_of(1, photometric, data=packed), packed, ">"))
        add(f"bit_{photometric}_fill2.tif", "TIFF bilevel",
            raw_tiff(tags_of(1, photometric, data=packed, t266=(3, [2])), backwards))
    for bits in (2, 4):
        data = b"".join(r[1:] for r in [rows_of(GREY[i:i + 1] >> (8 - bits), bits) for i in range(H)])
        for photometric in (0, 1):
            add(f"grey{bits}_{photometric}.tif", "TIFF", raw_tiff(tags_of(bits, photometric, data=data), data))
    for bits, image in ((1, Image.fromarray(RGB).quantize(2)), (4, Image.fromarray(RGB).quantize(16)), (8, PALETTE)):
        table = (image.getpalette() + [0] * 768)[:3 << bits]
        colours = [table[3 * i + c] * 257 for c in range(3) for i in range(1 << bits)]
        data = b"".join(r[1:] for r in [rows_of(np.asarray(image)[i:i + 1], bits) for i in range(H)])
        add(f"palette{bits}.tif", "TIFF", raw_tiff(tags_of(bits, 3, data=data, t320=(3, colours)), data))
        add(f"palette{bits}_mm.tif", "TIFF", raw_tiff(tags_of(bits, 3, data=data, t320=(3, colours)), data, ">"))
    add("palette_lzw.tif", "TIFF", save(PALETTE, "TIFF", compression="tiff_lzw"))

    for orientation in range(1, 9):
        add(f"orientation{orientation}.tif", "TIFF orientation", save(RGB, "TIFF", tiffinfo={274: orientation}))
        add(f"orientation{orientation}_lzw.tif", "TIFF orientation",
            save(GREY, "TIFF", tiffinfo={274: orientation}, compression="tiff_lzw"))
    for orientation in (3, 6):
        add(f"orientation{orientation}_jpeg.tif", "TIFF orientation",
            save(RGB, "TIFF", tiffinfo={274: orientation}, compression="jpeg"))
        add(f"orientation{orientation}_group4.tif", "TIFF orientation",
            save(bit, "TIFF", tiffinfo={274: orientation}, compression="group4"))
    add("descriptions.tif", "TIFF", tiff(RGB, description="one", metadata={"axes": "YXS"}))
    add("pages.tif", "TIFF", tiff(np.stack([RGB, RGB[::-1], RGB[:, ::-1]]), photometric="rgb"), notes="pages")
    twelve = GREY16 >> 4
    add("grey12.tif", "TIFF 12 bits", raw_tiff(tags_of(12, 1), imagecodecs.packints_encode(twelve, 12)),
        pixels=(twelve >> 4))
    add("grey12in16.tif", "TIFF 12 bits", tiff(twelve), notes="dark", pixels=(twelve >> 8))
    add("grey12in16_lzw.tif", "TIFF 12 bits", tiff(twelve, compression="lzw"), notes="dark", pixels=(twelve >> 8))
    add("rgb12in16.tif", "TIFF 12 bits", tiff(RGB16 >> 4), notes="dark")
    for most, shift in ((4095, 4), (4000, 4), (1023, 2), (65535, 8)):
        add(f"grey_most{most}.tif", "TIFF 12 bits", tiff(np.minimum(GREY16 >> (8 - shift), most), extratags=[
            (281, 3, 1, most, True)]), pixels=(np.minimum(GREY16 >> (8 - shift), most) >> shift))
    associated = RGBA.copy()
    associated[..., :3] = RGBA[..., :3].astype(int) * ALPHA[..., None] // 255
    add("premultiplied.tif", "TIFF", tiff(associated, extrasamples=[1]))
    add("premultiplied_lzw.tif", "TIFF", tiff(associated, extrasamples=[1], compression="lzw"))
    add("premultiplied_planar.tif", "TIFF planar", tiff(planes(associated), extrasamples=[1], compression="lzw",
                                                        photometric="rgb", planarconfig="separate"))
    add("rgbxx.tif", "TIFF", tiff(np.dstack([RGBA, ALPHA]), extrasamples=[0, 0], photometric="rgb"))
    add("no_counts.tif", "TIFF", raw_tiff({k: v for k, v in tags_of(8, 2, 3).items() if k != 279}, RGB.tobytes()))
    add("wrong_counts.tif", "TIFF", raw_tiff(tags_of(8, 2, 3, t279=(4, [7])), RGB.tobytes()))

    refuse = lambda name, content: add(name, "TIFF other", content, refused=True)
    refuse("float32.tif", tiff(GREY.astype(np.float32)))
    refuse("float16.tif", tiff(GREY.astype(np.float16)))
    refuse("uint32.tif", tiff(GREY.astype(np.uint32)))
    refuse("int16.tif", tiff(GREY.astype(np.int16)))
    refuse("white16.tif", tiff(GREY16, photometric="miniswhite"))
    refuse("lab.tif", tiff(RGB, photometric="cielab"))
    for compression in ("zstd", "lzma", "webp", "jpeg2000", "jpegxl", "lerc"):
        refuse(f"{compression}.tif", tiff(RGB, compression=compression))
    refuse("ycbcr_raw.tif", raw_tiff(tags_of(8, 6, 3, t530=(3, [1, 1])), RGB.tobytes()))
    refuse("la16.tif", tiff(np.dstack([GREY16, GREY16]), photometric="minisblack", extrasamples=[2]))


# BMP


def bmp(bits, data, width=W, height=H, head=40, compression=0, palette=b"", masks=(), down=False):
    if head == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", head, width, -height if down else height, 1, bits, compression, len(data), 2835,
                           2835, len(palette) // 4, 0)
        inside = b"".join(struct.pack("<I", m) for m in masks)
        if head > 40:
            inside = inside.ljust(head - 40, b"\0")
        info += inside
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


def bmp_rows(samples, size, down=False):
    rows = samples if down else samples[::-1]
    return b"".join(bytes(r).ljust((len(bytes(r)) + 3) // 4 * 4, b"\0") for r in (row.tobytes() for row in rows))


def bmps():
    bgr = np.ascontiguousarray(RGB[..., ::-1])
    add("bmp24.bmp", "BMP", bmp(24, bmp_rows(bgr, 3)))
    add("bmp24_down.bmp", "BMP", bmp(24, bmp_rows(bgr, 3, True), down=True))
    add("bmp24_os2.bmp", "BMP", bmp(24, bmp_rows(bgr, 3), head=12))
    bgrx = np.dstack([bgr, ALPHA])
    add("bmp32.bmp", "BMP", bmp(32, bmp_rows(bgrx, 4)))
    for head in (52, 56, 108, 124):
        add(f"bmp24_head{head}.bmp", "BMP", bmp(24, bmp_rows(bgr, 3), head=head))
    pixel = RGB.astype(np.uint32)
    for name, shifts in (("bgrx", (16, 8, 0)), ("xbgr", (24, 16, 8)), ("bgxr", (24, 8, 0))):
        value = sum(pixel[..., c] << s for c, s in enumerate(shifts)).astype("<u4")
        add(f"bmp32_{name}.bmp", "BMP", bmp(32, bmp_rows(value, 4), compression=3, masks=[255 << s for s in shifts]))
    value = (pixel[..., 0] | pixel[..., 1] << 8 | pixel[..., 2] << 16 | ALPHA.astype(np.uint32) << 24).astype("<u4")
    add("bmp32_rgba.bmp", "BMP", bmp(32, bmp_rows(value, 4), head=108, compression=3,
                                     masks=[0xFF, 0xFF00, 0xFF0000, 0xFF000000]))
    p = RGB.astype(np.uint16)
    v555 = ((p[..., 0] >> 3) << 10 | (p[..., 1] >> 3) << 5 | p[..., 2] >> 3).astype("<u2")
    v565 = ((p[..., 0] >> 3) << 11 | (p[..., 1] >> 2) << 5 | p[..., 2] >> 3).astype("<u2")
    add("bmp16.bmp", "BMP", bmp(16, bmp_rows(v555, 2)))
    add("bmp16_555.bmp", "BMP", bmp(16, bmp_rows(v555, 2), compression=3, masks=[0x7C00, 0x3E0, 0x1F]))
    add("bmp16_565.bmp", "BMP", bmp(16, bmp_rows(v565, 2), compression=3, masks=[0xF800, 0x7E0, 0x1F]))
    add("bmp16_565_head56.bmp", "BMP", bmp(16, bmp_rows(v565, 2), head=56, compression=3,
                                           masks=[0xF800, 0x7E0, 0x1F, 0]))
    add("bmp16_444.bmp", "BMP", bmp(16, bmp_rows(v565, 2), compression=3, masks=[0xF00, 0xF0, 0xF]), refused=True)
    for bits, colours in ((1, 2), (4, 16), (8, 37)):
        image = Image.fromarray(RGB).quantize(colours)
        table = image.getpalette()[:3 * colours]
        table += [0] * (3 * colours - len(table))
        index = np.asarray(image)
        packed = np.stack([np.frombuffer(rows_of(index[i:i + 1], bits)[1:], np.uint8) for i in range(H)])
        four = b"".join(bytes([table[3 * i + 2], table[3 * i + 1], table[3 * i], 0]) for i in range(colours))
        three = b"".join(bytes([table[3 * i + 2], table[3 * i + 1], table[3 * i]]) for i in range(colours))
        add(f"bmp{bits}.bmp", "BMP", bmp(bits, bmp_rows(packed, 1), palette=four))
        if bits < 8:
            add(f"bmp{bits}_os2.bmp", "BMP", bmp(bits, bmp_rows(packed, 1), palette=three, head=12))
    for kind in ("L", "1", "P"):
        add(f"pillow_{kind}.bmp", "BMP", save(Image.fromarray(RGB).convert(kind), "BMP"))
    # Run-length encoding.
    index = np.asarray(Image.fromarray(RGB).quantize(16))
    table = Image.fromarray(RGB).quantize(16).getpalette()[:48]
    four = b"".join(bytes([table[3 * i + 2], table[3 * i + 1], table[3 * i], 0]) for i in range(16))
    runs = b""
    for y, row in enumerate(index[::-1]):
        x = 0
        while x < W:
            n = 1
            while x + n < W and row[x + n] == row[x] and n < 200:
                n += 1
            if n == 1 and x + 3 <= W and y % 2:
                runs += bytes([0, 3, *row[x:x + 3], 0])
                x += 3
            else:
                runs += bytes([n, row[x]])
                x += n
        runs += b"\0\0"
    add("rle8.bmp", "BMP", bmp(8, runs + b"\0\1", compression=1, palette=four))
    add("rle8_step.bmp", "BMP", bmp(8, bytes(
        [5, 3, 0, 2, 3, 2, 4, 7, 0, 2, 200, 14, 0, 2, 20, 0, 0, 1]), compression=1, palette=four))
    runs = b""
    for row in index[::-1]:
        for x in range(0, W, 2):
            runs += bytes([2, row[x] << 4 | row[x + 1]])
        runs += b"\0\0"
    add("rle4.bmp", "BMP", bmp(4, runs + b"\0\1", compression=2, palette=four))
    add("png_inside.bmp", "BMP", bmp(24, save(RGB, "PNG"), compression=5), refused=True)


# The rest


def others():
    for name, image in (("palette", PALETTE), ("grey", Image.fromarray(GREY)), ("bit", Image.fromarray(BIT)),
                        ("four", Image.fromarray(RGB).quantize(4))):
        add(f"{name}.gif", "GIF", save(image, "GIF", interlace=0))
        add(f"{name}_interlaced.gif", "GIF", save(image, "GIF", interlace=1))
    add("transparent.gif", "GIF", save(PALETTE, "GIF", transparency=5))
    moved = [Image.fromarray(np.roll(RGB, 3 * i, 1)).quantize(30) for i in range(3)]
    add("animated.gif", "GIF", save(moved[0], "GIF", save_all=True, append_images=moved[1:], duration=50), notes="pages")
    plain = save(PALETTE, "GIF", interlace=0)
    at = plain.index(b",", 13 + 3 * 64)
    place = lambda x, y, w, h, more=b"": plain[:6] + struct.pack("<HH", w, h) + plain[10:at] + more + b"," + struct.pack(
        "<HH", x, y) + plain[at + 5:]
    add("canvas.gif", "GIF", place(7, 4, 50, 30))
    add("canvas_transparent.gif", "GIF", place(7, 4, 50, 30, b"!\xf9\4\1\0\0\x09\0"))
    add("canvas_small.gif", "GIF", place(7, 4, 20, 10))
    add("named.jpg", "GIF", plain)

    add("lossless.webp", "WebP", save(RGB, "WEBP", lossless=True))
    add("lossless_alpha.webp", "WebP", save(Image.fromarray(RGBA), "WEBP", lossless=True, exact=True))
    for quality in (30, 80, 100):
        add(f"lossy{quality}.webp", "WebP", save(RGB, "WEBP", quality=quality))
    add("lossy_alpha.webp", "WebP", save(Image.fromarray(RGBA), "WEBP", quality=80))
    add("lossy_large.webp", "WebP", save(scene(61, 45), "WEBP", quality=60))
    add("exif8.webp", "WebP", save(RGB, "WEBP", exif=exif(8)), notes="turned")
    frames = [Image.fromarray(np.roll(RGB, 3 * i, 1)) for i in range(3)]
    add("animated.webp", "WebP", save(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True),
        notes="pages")
    add("animated_lossy.webp", "WebP", save(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=70),
        notes="pages")
    clear = Image.new("RGBA", (40, 32), (0, 0, 0, 0))
    clear.paste(Image.fromarray(RGBA), (8, 6))
    shifted = Image.new("RGBA", (40, 32), (0, 0, 0, 0))
    shifted.paste(Image.fromarray(RGBA), (2, 2))
    add("animated_alpha.webp", "WebP", save(clear, "WEBP", save_all=True, append_images=[shifted], lossless=True),
        notes="pages")

    text = lambda v: " ".join(map(str, np.asarray(v).ravel().tolist())).encode()
    add("p1.pbm", "PNM", b"P1\n# black is 1\n24 17\n" + text(1 - BIT.astype(int)))
    add("p1_dense.pbm", "PNM", b"P1 24 17 " + text(1 - BIT.astype(int)).replace(b" ", b""))
    add("p4.pbm", "PNM", b"P4 24 17\n" + np.packbits(~BIT, axis=1).tobytes())
    odd = BIT[:, :21]
    add("p4_odd.pbm", "PNM", b"P4 21 17\n" + np.packbits(~odd, axis=1).tobytes())
    add("p2.pgm", "PNM", b"P2 24 17 255\n" + text(GREY))
    add("p2_max100.pgm", "PNM", b"P2 24 17 100\n" + text(GREY.astype(int) * 100 // 255))
    add("p5.pgm", "PNM", b"P5 24 17 255\n" + GREY.tobytes())
    add("p5_max10.pgm", "PNM", b"P5 24 17 10\n" + (GREY // 25).tobytes())
    add("p3.ppm", "PNM", b"P3\n24 17\n255\n" + text(RGB))
    add("p6.ppm", "PNM", b"P6\n24 17\n255\n" + RGB.tobytes())
    add("p6_max65535.ppm", "PNM", b"P6\n24 17\n65535\n" + RGB16.astype(">u2").tobytes())
    add("p6_max1000.ppm", "PNM", b"P6\n24 17\n1000\n" + (RGB.astype(int) * 1000 // 255).astype(">u2").tobytes())

    refuse = lambda name, content: add(name, "other", content, refused=True)
    refuse("image.avif", save(RGB, "AVIF"))
    refuse("image.jp2", save(RGB, "JPEG2000"))
    refuse("image.j2k", save(RGB, "JPEG2000", no_jp2=True))
    refuse("image.jxl", imagecodecs.jpegxl_encode(RGB))
    refuse("image.jxr", imagecodecs.jpegxr_encode(RGB))
    refuse("image.ico", save(RGB, "ICO", sizes=[(16, 16)]))
    refuse("image.pdf", save(RGB, "PDF")[:900])
    refuse("image.heic", struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(64))
    refuse("image.psd", b"8BPS" + bytes(60))
    refuse("image.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    refuse("page.png", b"<!DOCTYPE html><html></html>")
    refuse("pointer.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    refuse("archive.png", b"PK\x03\x04" + bytes(40))
    refuse("._image.png", b"\x00\x05\x16\x07" + bytes(80))
    refuse("image.pfm", save(Image.fromarray(GREY.astype(np.float32)), "PPM"))
    refuse("volume.e2e", b"CMDb" + bytes(60))
    refuse("volume.fda", b"FOCTFDA" + bytes(60))
    data = pydicom.Dataset()
    data.Rows, data.Columns, data.SamplesPerPixel, data.BitsAllocated = H, W, 1, 8
    data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 7, 0
    data.PhotometricInterpretation, data.PixelData = "MONOCHROME2", GREY.tobytes()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    refuse("image.dcm", out.getvalue())


def main(tools):
    pngs()
    jpegs(tools)
    tiffs()
    bmps()
    others()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    rows = [("file", "group", "width", "height", "sha256", "notes")]
    for name, (group, content, refused, notes, pixels) in sorted(FILES.items()):
        (OUT / name).write_bytes(content)
        if refused:
            rows.append((name, group, "", "", "refused", ""))
            continue
        with Image.open(OUT / name) as image:
            if pixels is not None:
                assert np.asarray(image).shape == pixels.shape, name
                rgb = np.repeat(pixels.astype(np.uint8)[..., None], 3, -1)
            else:
                assert image.mode not in ("I", "I;16", "I;16B", "F"), (name, image.mode)
                rgb = np.asarray(image.convert("RGB"))
        rows.append((name, group, rgb.shape[1], rgb.shape[0], hashlib.sha256(rgb.tobytes()).hexdigest(), notes))
    with open(OUT / "pixels.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(rows)
    size = sum(p.stat().st_size for p in OUT.iterdir())
    print(f"{len(rows) - 1} files, {size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])

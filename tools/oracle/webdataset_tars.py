"""Writes the tar archives that the tests of package data read, with WebDataset and with Python's tarfile.

    python tools/oracle/webdataset_tars.py data/testdata/webdataset

expected.json holds what WebDataset itself reads from them: the name, the label and the SHA-256 of each image, in order.
Needs webdataset==1.0.2 and pillow.
"""

import hashlib
import io
import json
import pathlib
import sys
import tarfile

import webdataset
from PIL import Image


def png(color):
    out = io.BytesIO()
    Image.new("RGB", (2, 2), color).save(out, "PNG")
    return out.getvalue()


def samples():
    for i in range(4):
        yield f"eye{i:02d}", png((60 * i, 10, 20)), i % 2


def with_webdataset(path, label):
    with webdataset.TarWriter(str(path), mtime=0) as out:
        for key, image, number in samples():
            value = {"cls": number} if label == "cls" else {"json": {"label": number}}
            out.write({"__key__": key, "png": image, **value})


def with_tarfile(path, form):
    """Long names, which GNU's and POSIX's forms write into headers of their own."""
    with tarfile.open(path, "w", format=form) as out:
        for key, image, number in samples():
            for ending, content in ((".png", image), (".cls", str(number).encode())):
                info = tarfile.TarInfo("folder/" + "long" * 30 + key + ending)
                info.size = len(content)
                out.addfile(info, io.BytesIO(content))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with_webdataset(folder / "cls.tar", "cls")
    with_webdataset(folder / "json.tar", "json")
    with_tarfile(folder / "gnu.tar", tarfile.GNU_FORMAT)
    with_tarfile(folder / "pax.tar", tarfile.PAX_FORMAT)
    expected = {}
    for path in sorted(folder.glob("*.tar")):
        rows = []
        for sample in webdataset.WebDataset(str(path), shardshuffle=False):
            label = int(sample["cls"]) if "cls" in sample else json.loads(sample["json"])["label"]
            rows.append([sample["__key__"] + ".png", label, hashlib.sha256(sample["png"]).hexdigest()])
        expected[path.name] = rows
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()

"""Writes the tables of docs/own-data.md and of its test, for the images of data/testdata/retinamnist.

    python -m venv v && v/bin/pip install pandas==3.1.1 openpyxl==3.1.5
    v/bin/python tools/oracle/own_table.py data/testdata/retinamnist docs/own-data cmd/trainer/testdata

RetinaMNIST does not say who its patients are. The patients, eyes, ages and cameras here are invented: two images of the
same or a neighbouring grade make a patient. They show how tables are read, and nothing about patients.
"""
import pathlib
import random
import sys

import pandas as pd

images, docs, tests = map(pathlib.Path, sys.argv[1:4])
draw = random.Random(7)
names = {"0_no_dr": "no DR", "1_mild_npdr": "mild", "2_moderate_npdr": "moderate", "3_severe_npdr": "severe",
         "4_pdr": "proliferative"}
grades = list(names.values())
files = sorted(images.glob("*/*/*.png"))
draw.shuffle(files)
files.sort(key=lambda f: grades.index(names[f.parent.name]) + draw.uniform(-0.6, 0.6))
pairs = [files[i:i + 2] for i in range(0, len(files), 2)]
draw.shuffle(pairs)
rows = []
for p, pair in enumerate(pairs):
    sex, age, camera = draw.choice("FM"), draw.randint(28, 84), draw.choice(["Topcon", "Canon", "Zeiss"])
    for f, eye in zip(pair, draw.sample(["left", "right"], 2)):
        rows.append([f.stem, names[f.parent.name], f"P{p:04d}", eye, sex, age, camera])
table = pd.DataFrame(rows, columns=["image", "diagnosis", "patient", "eye", "sex", "age", "camera"])
table.to_csv(docs / "labels.csv", index=False)

# What a clinic's workbook is like: other words, gaps, rows too many, decimal numbers as text.
german = table.head(240).copy()
german["age"] = german["age"].map(lambda a: f"{a},5")
german.columns = ["Bilddatei", "Diagnose", "Patient", "Auge", "Geschlecht", "Alter", "Kamera"]
german.loc[10, "Diagnose"] = None
german.loc[11, "Kamera"] = None
german.loc[len(german)] = ["verloren_0001", "mild", "P9999", "left", "F", "61,5", "Topcon"]
german.to_excel(tests / "befunde.xlsx", index=False, sheet_name="Tabelle1")
(tests / "befunde.csv").write_bytes(german.to_csv(index=False, sep=";", lineterminator="\r\n").encode("utf-8-sig"))

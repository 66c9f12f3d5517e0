"""Workbooks like PAPILA's clinical data, written by openpyxl, for package data/prepare.

Run from the repository's root:  python tools/oracle/papila.py
Needs: openpyxl 3.1.5. Writes data/prepare/testdata/papila/:

  patient_data_od.xlsx, patient_data_os.xlsx   made-up values in the layout of the official workbooks: three
      rows of headings, then a row a patient, whose number has a # in front; numbers, texts, empty cells
  diagnosis.csv                                patient, diagnosis of the right and the left eye, as openpyxl
      reads them back

The 488 diagnoses have the published counts: 333 healthy (0), 87 glaucoma (1), 68 suspect (2).
"""

import csv
import pathlib
import random

import openpyxl

OUT = pathlib.Path("data/prepare/testdata/papila")
EYES = [(0, 0)] * 153 + [(1, 1)] * 40 + [(2, 2)] * 22 + [(0, 2)] * 22 + [(1, 0)] * 5 + [(2, 1)] * 2
HEADINGS = [
    ["", "Age", "Gender", "Diagnosis", "Refractive Defect", "", "", "IOP", "Axial_Length"],
    ["", "", "", "", "dioptre_1", "dioptre_2", "astigmatism", "Pneumatic", ""],
    ["ID"],
]


def write(path, patients, diagnoses, rng):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in HEADINGS:
        sheet.append(row)
    for patient, diagnosis in zip(patients, diagnoses):
        age = rng.randint(20, 90) if rng.random() < 0.95 else None
        sheet.append([patient, age, rng.randint(0, 1), diagnosis, round(rng.uniform(-6, 4), 2), None,
                      rng.randint(0, 180), rng.randint(9, 30), round(rng.uniform(21, 27), 2)])
    book.save(path)


def read(path):
    rows = openpyxl.load_workbook(path).active.iter_rows(min_row=1 + len(HEADINGS), values_only=True)
    return {row[0]: row[3] for row in rows}


def main():
    rng = random.Random(0)
    eyes = EYES.copy()
    rng.shuffle(eyes)
    patients = [f"#{n:03}" for n in sorted(rng.sample(range(1, 334), len(eyes)))]
    OUT.mkdir(parents=True, exist_ok=True)
    sides = []
    for i, side in enumerate(["od", "os"]):
        path = OUT / f"patient_data_{side}.xlsx"
        write(path, patients, [pair[i] for pair in eyes], rng)
        sides.append(read(path))
    with open(OUT / "diagnosis.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["patient", "od", "os"])
        table.writerows([p, sides[0][p], sides[1][p]] for p in patients)


if __name__ == "__main__":
    main()

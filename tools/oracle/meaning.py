"""Golden clinical numbers where the order of names misleads, by scikit-learn.

Writes evaluation/report/testdata/meaning: tables of random predictions whose classes
stand in the order of their names, and meaning.json with what scikit-learn says of each
with pos_label and labels= set as the names mean. healthy beside glaucoma, the grades
Mild, Moderate, No_DR, Proliferative and Severe, and 39 diseases.

    python tools/oracle/meaning.py        # needs comparison-requirements.txt
"""

import csv
import json
import pathlib

import numpy as np
from sklearn import metrics as sk

OUT = pathlib.Path(__file__).parents[2] / "evaluation/report/testdata/meaning"
GRADES = ["No_DR", "Mild", "Moderate", "Severe", "Proliferative"]


def write(name, classes, labels, p):
    with open(OUT / f"{name}.csv", "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["image", "label", *("prob_" + c for c in classes)])
        for i, (label, row) in enumerate(zip(labels, p)):
            out.writerow([f"{i}.png", classes[label], *(f"{v:.4f}" for v in row)])


def draw(rng, classes, rows, skill):
    labels = rng.integers(0, len(classes), rows)
    scores = rng.normal(0, 1, (rows, len(classes)))
    scores[np.arange(rows), labels] += skill
    p = np.exp(scores)
    p = np.round(p / p.sum(1, keepdims=True), 4)
    p[:, -1] = np.round(1 - p[:, :-1].sum(1), 4)
    return labels, p


def binary(rng):
    classes = ["glaucoma", "healthy"]
    labels, p = draw(rng, classes, 120, 1.2)
    write("binary", classes, labels, p)
    truth = [classes[k] for k in labels]
    said = [classes[k] for k in p.argmax(1)]
    rate = {"pos_label": "glaucoma"}
    return {"positive": "glaucoma", "recall_positive": sk.recall_score(truth, said, **rate),
            "specificity_positive": sk.recall_score(truth, said, pos_label="healthy"),
            "precision_positive": sk.precision_score(truth, said, **rate),
            "f1_positive": sk.f1_score(truth, said, **rate), "jaccard_positive": sk.jaccard_score(truth, said, **rate),
            "average_precision_positive": sk.average_precision_score(truth, p[:, 0], **rate)}


def grades(rng):
    classes = sorted(GRADES)
    labels, p = draw(rng, GRADES, 150, 1.0)
    for i, label in enumerate(labels):  # most mistakes are near misses
        p[i] = sorted(p[i], reverse=True)
        order = sorted(range(5), key=lambda k: (abs(k - label - rng.integers(-1, 2)), k))
        q = np.zeros(5)
        q[order] = p[i]
        p[i] = q
    columns = [GRADES.index(c) for c in classes]
    write("grades", classes, [classes.index(GRADES[k]) for k in labels], p[:, columns])
    truth, said = [GRADES[k] for k in labels], [GRADES[k] for k in p.argmax(1)]
    trap = sk.cohen_kappa_score(truth, said, weights="quadratic", labels=classes)
    kappa = {w: sk.cohen_kappa_score(truth, said, weights=w, labels=GRADES) for w in ("quadratic", "linear")}
    print("grades by name", trap, "by meaning", kappa)
    return {"quadratic_kappa": kappa["quadratic"], "linear_kappa": kappa["linear"], "by_name": trap}


def diseases(rng):
    source = (pathlib.Path(__file__).parents[2] / "data/prepare/jsiec.go").read_text()
    classes = sorted(line.split('"')[1] for line in source.splitlines() if "{Folder:" in line)
    assert len(classes) == 39
    labels, p = draw(rng, classes, 120, 4)
    write("diseases", classes, labels, p)
    return {"kappa": sk.cohen_kappa_score(labels, p.argmax(1))}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(15)
    expected = {"binary": binary(rng), "grades": grades(rng), "diseases": diseases(rng)}
    (OUT / "meaning.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()

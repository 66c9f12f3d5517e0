"""Golden metrics of random predictions, by scikit-learn.

Writes evaluation/testdata/metrics.json.gz: 400 cases of 1 to 500 samples and
2 to 40 classes, with ties, absent classes, perfect, constant and zero
probabilities, and what scikit-learn says about each.

Probabilities travel as integer weights w, one row of C a sample: p = w / sum(w)
in float64 gives the same bits in NumPy and in Go.

Where scikit-learn returns NaN the golden is null ("undefined"), and roc_auc is
the mean over the classes that have one. Wherever all have one, it is asserted
to be roc_auc_score(T, S, average="macro", multi_class="ovr") itself.

    python tools/oracle/metrics.py
"""

import gzip
import json
import math
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import metrics as sk

OUT = pathlib.Path(__file__).parents[2] / "evaluation/testdata/metrics.json.gz"
CASES = 400


def predictions(rng, case):
    """Labels [n] and integer weights [n, C] of one case, by kind."""
    kind = case % 8
    classes = [2, 5, 40][case % 3] if case < 48 else int(rng.integers(2, 41))
    n = int(np.exp(rng.uniform(0, math.log(500)))) if case >= 8 else [1, 2, 3, 500, 1, 2, 7, 500][case]
    labels = rng.integers(0, classes, n)
    if kind in (1, 2):  # the highest classes, or one in the middle, are absent
        keep = np.arange(classes) < max(1, classes // 2) if kind == 1 else np.arange(classes) != classes // 2
        labels = rng.choice(np.flatnonzero(keep), n)
    if kind == 7 and case % 16 == 7:  # one class only
        labels[:] = rng.integers(0, classes)
    top = {0: 3, 1: 255, 2: 7, 3: 4095, 4: 1, 5: 255, 6: 15, 7: 255}[kind]  # small: many ties
    weights = rng.integers(0, top + 1, (n, classes))
    if kind in (0, 1, 3, 6):  # know something
        weights[np.arange(n), labels] += rng.integers(0, top + 2, n)
    if kind == 4 and case % 16 == 4:  # perfect
        weights[:] = 0
        weights[np.arange(n), labels] = 1
    if kind == 5 and case % 16 == 5:  # a constant predictor
        weights[:] = weights[0]
    if kind == 7:  # always one class, that of the first sample
        weights[:, labels[0]] += 300
    weights[weights.sum(axis=1) == 0, 0] = 1
    return labels, weights


def number(x):
    return None if math.isnan(x) else float(x)


def golden(labels, weights):
    n, classes = weights.shape
    names = list(range(classes))
    scores = weights / weights.sum(axis=1, keepdims=True)
    predicted = scores.argmax(axis=1)
    truth, pred = np.eye(classes, dtype=int)[labels], np.eye(classes, dtype=int)[predicted]
    zero = {"average": None, "zero_division": 0}
    per_class = {
        "support": truth.sum(axis=0).tolist(),
        "precision": sk.precision_score(truth, pred, **zero),
        "recall": sk.recall_score(truth, pred, **zero),
        "f1": sk.f1_score(truth, pred, **zero),
        "jaccard": sk.jaccard_score(truth, pred, **zero),
        "roc_auc": [sk.roc_auc_score(truth[:, c], scores[:, c]) for c in names],
        "average_precision": [sk.average_precision_score(truth[:, c], scores[:, c]) for c in names],
    }
    auc = np.array(per_class["roc_auc"])
    roc_auc = float(np.nanmean(auc)) if not np.isnan(auc).all() else math.nan
    macro_auc = sk.roc_auc_score(truth, scores, multi_class="ovr", average="macro")
    assert math.isnan(macro_auc) if np.isnan(auc).any() else macro_auc == roc_auc
    kappa = sk.cohen_kappa_score(labels, predicted)
    # Whether classes that occur nowhere are listed changes the quadratic kappa only.
    every = sk.cohen_kappa_score(labels, predicted, labels=names)
    assert np.isclose(kappa, every, rtol=1e-12, atol=1e-15, equal_nan=True)
    macro = {"average": "macro", "zero_division": 0}
    return {
        "per_class": {k: [number(x) for x in v] for k, v in per_class.items()},
        "confusion": sk.confusion_matrix(labels, predicted, labels=names)[labels.min()].tolist(),
        "metrics": {k: number(v) for k, v in {
            "val_loss": sk.log_loss(labels, scores, labels=names),
            "accuracy": sk.accuracy_score(labels, predicted),
            "f1": sk.f1_score(truth, pred, **macro),
            "roc_auc": roc_auc,
            "hamming": sk.hamming_loss(truth, pred),
            "jaccard": sk.jaccard_score(truth, pred, **macro),
            "precision": sk.precision_score(truth, pred, **macro),
            "recall": sk.recall_score(truth, pred, **macro),
            "average_precision": sk.average_precision_score(truth, scores, average="macro"),
            "kappa": kappa,
            "quadratic_kappa": sk.cohen_kappa_score(labels, predicted, weights="quadratic", labels=names),
            "mcc": sk.matthews_corrcoef(labels, predicted),
        }.items()},
    }


def main():
    warnings.simplefilter("ignore")
    versions = f"scikit-learn {sklearn.__version__}, numpy {np.__version__}"
    rng = np.random.default_rng(20260801)
    cases, gaps, undefined, quadratic = [], 0, 0, 0
    for case in range(CASES):
        labels, weights = predictions(rng, case)
        want = golden(labels, weights)
        cases.append({"labels": labels.tolist(), "weights": weights.tolist(), **want})
        gaps += 0 in want["per_class"]["support"]
        undefined += want["metrics"]["kappa"] is None
        scores = weights / weights.sum(axis=1, keepdims=True)
        default = sk.cohen_kappa_score(labels, scores.argmax(axis=1), weights="quadratic")
        quadratic += not np.isclose(default, want["metrics"]["quadratic_kappa"] or 0, atol=1e-9)
    text = json.dumps({"made_with": versions, "cases": cases}, separators=(",", ":"))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(versions)
    print(f"{len(cases)} cases, {OUT.stat().st_size} bytes: {gaps} with an absent class, "
          f"{undefined} without a kappa, {quadratic} where labels= changes the quadratic kappa")


if __name__ == "__main__":
    main()

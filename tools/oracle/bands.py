"""Golden bands of ROC and precision-recall curves, by scikit-learn and numpy.

Writes evaluation/testdata/bands.json.gz. The predictions are cases of
measures.py; each is resampled within its classes, by the same counter-based
generator, and scikit-learn draws the curves of every resample (roc_curve and
precision_recall_curve with how often a row was drawn as sample_weight). On a
grid from 0 to 1, numpy's quantiles of the heights are the band. Curves are those
of the positive class of two, else the macro and the micro average. Of the grid
of 200 steps, every tenth point is kept. Points are compared in counts, where
they are whole numbers.

    python tools/oracle/bands.py
"""

import gzip
import json
import pathlib

import numpy as np
import sklearn
from sklearn import metrics as sk

from measures import predictions, words

OUT = pathlib.Path(__file__).parents[2] / "evaluation/testdata/bands.json.gz"
STEPS, KEPT, ROUNDS = 200, 10, 40
GRID = np.arange(0, STEPS + 1, KEPT)


def roc(truth, score, weight):
    """Sensitivity at each false positive rate of the grid, the upper end of a vertical line."""
    positives, negatives = int(weight[truth == 1].sum()), int(weight[truth == 0].sum())
    fpr, tpr, _ = sk.roc_curve(truth, score, sample_weight=weight, drop_intermediate=False)
    misses, hits = np.rint(fpr * negatives).astype(int), np.rint(tpr * positives).astype(int)
    at = np.searchsorted(STEPS * misses, GRID * negatives, side="right") - 1
    after = np.minimum(at + 1, len(misses) - 1)
    run = np.maximum(misses[after] - misses[at], 1)
    return (hits[at] + (hits[after] - hits[at]) * (GRID * negatives / STEPS - misses[at]) / run) / positives


def precision(truth, score, weight):
    """Precision at the highest threshold whose recall is at least that of the grid, and above 0."""
    positives = int(weight[truth == 1].sum())
    precisions, recalls, _ = sk.precision_recall_curve(truth, score, sample_weight=weight)
    hits = np.rint(recalls[-2::-1] * positives).astype(int)  # without the point (0, 1) that is put there
    return precisions[-2::-1][np.searchsorted(STEPS * hits, np.maximum(GRID * positives, 1))]


def heights(labels, scores, weight):
    classes = scores.shape[1]
    if classes == 2:
        return [roc(labels == 1, scores[:, 1], weight), precision(labels == 1, scores[:, 1], weight)]
    truth = np.eye(classes, dtype=int)[labels]
    here = [c for c in range(classes) if truth[:, c].any()]
    zero = [np.zeros(len(GRID))] * (classes - len(here))
    flat = (truth.ravel(), scores.ravel(), np.repeat(weight, classes))
    return [np.mean([roc(truth[:, c], scores[:, c], weight) for c in here], axis=0),
            np.mean([precision(truth[:, c], scores[:, c], weight) for c in here] + zero, axis=0),
            roc(*flat), precision(*flat)]


def drawn(case, labels, classes):
    """How often each row is drawn, in each round."""
    n = len(labels)
    random = words(f"bands.{case}", 0, ROUNDS * n).reshape(ROUNDS, n)
    rows = [np.flatnonzero(labels == c) for c in range(classes)]
    for word in random:
        at, weight = 0, np.zeros(n, dtype=int)
        for of in rows:
            np.add.at(weight, of[(word[at:at + len(of)] % np.uint64(max(1, len(of)))).astype(int)], 1)
            at += len(of)
        yield weight


def golden(case):
    labels, scores = predictions(0, case)
    if not 20 <= len(labels) <= 400 or len(set(labels)) < 2:
        return None
    values = heights(labels, scores, np.ones(len(labels), dtype=int))
    rounds = np.array([heights(labels, scores, w) for w in drawn(case, labels, scores.shape[1])])
    low, high = np.quantile(rounds, [0.025, 0.975], axis=0)
    return {"case": case, "value": np.array(values).tolist(), "low": low.tolist(), "high": high.tolist()}


def main():
    cases = [g for g in map(golden, range(120)) if g]
    head = {"made_with": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}", "rounds": ROUNDS,
            "cases": cases}
    OUT.write_bytes(gzip.compress(json.dumps(head, separators=(",", ":")).encode(), 9, mtime=0))
    print(f"{head['made_with']}: {len(cases)} cases, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()

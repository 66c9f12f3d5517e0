"""Golden measures of 2,000 random predictions, by scikit-learn.

Writes evaluation/testdata/measures.bin.gz. Cases of 1 to 5,000 samples and 2 to
40 classes, with ties, absent classes, perfect and constant predictors, are
drawn by a counter-based generator that evaluation/oracle_test.go repeats, so
that the file carries results alone: a line of JSON with the names of the
measures, for 2 classes, for more, and of each class, then all results in case
order, NaN where scikit-learn has none. A float64 is rounded to 44 bits of
mantissa (3e-14); of its 8 bytes the top 7 are kept, byte plane after byte
plane, which compresses better. Other cases, drawn with another seed:

    python tools/oracle/measures.py
    python tools/oracle/measures.py --seed 7 --cases 300 --out fresh.bin.gz
    go test ./evaluation -run ScikitLearn -v -measures $PWD/fresh.bin.gz

Two kinds of numbers are not scikit-learn's to the last digit, because it takes
them as differences of numbers near 1: kappa is the quotient of whole numbers
from its confusion matrix (scikit-learn's is asserted to be within 4e-15 of it),
and the expected calibration error of Guo et al. (2017) has the bins of
calibration_curve on the top probability, summed exactly (asserted to be within
1e-11 of what that function's means give).

Sensitivity at a specificity is read off roc_curve, in whole numbers of images,
and asserted to be that of confusion_matrix_at_thresholds.
"""

import argparse
import fractions
import gzip
import json
import math
import multiprocessing
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

OUT = pathlib.Path(__file__).parents[2] / "evaluation/testdata/measures.bin.gz"
CASES = 2000
LEVELS = ("0.90", "0.95")
COMMON = ["val_loss", "accuracy", "f1", "roc_auc", "hamming", "jaccard", "precision", "recall", "average_precision",
          "kappa", "quadratic_kappa", "mcc", "balanced_accuracy", "linear_kappa", "brier", "ece"]
MANY = COMMON + ["specificity", *(f"sensitivity_at_specificity_{s}" for s in LEVELS), "precision_weighted",
                 "f1_weighted", "jaccard_micro", "jaccard_weighted", "roc_auc_micro", "roc_auc_weighted", "roc_auc_ovo",
                 "roc_auc_ovo_weighted", "average_precision_micro", "average_precision_weighted"]
CLASS = ["precision", "recall", "specificity", "f1", "jaccard", "roc_auc", "average_precision",
         *(f"sensitivity_at_specificity_{s}" for s in LEVELS)]
BINARY = COMMON + [f"{n}_positive" for n in ["precision", "recall", "specificity", "f1", "jaccard", "average_precision",
                                             *(f"sensitivity_at_specificity_{s}" for s in LEVELS)]]


def words(name, start, count):
    """Words start … start+count-1 of the random words called name (internal/graphtest)."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(start + 1, start + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def predictions(seed, case):
    """Labels [n] and probabilities [n, C] of one case, by kind."""
    name, kind = f"measures.{seed}.{case}", case % 8
    a, b = (int(w) for w in words(name, 0, 2))
    classes = 2 + a % 39 if case % 4 == 0 else [2, 2, 3, 4, 5, 8][a % 6]
    base = 1 << b % 13
    n = min(5000, base + (b >> 32) % base)
    drawn = words(name, 10, n) % np.uint64(2**20)
    labels = (drawn % np.uint64(classes)).astype(int)
    if kind == 1:  # the highest classes are absent
        labels = labels % max(1, classes // 2)
    if kind == 2:  # one in the middle is absent
        labels[labels == classes // 2] = 0
    if kind == 7 and case % 32 == 7:  # one class only
        labels[:] = labels[0]
    top = [3, 255, 7, 2**32 - 1, 1, 255, 15, 255][kind]  # small: many ties
    weights = (words(name, 10000, n * classes) % np.uint64(top + 1)).astype(np.int64).reshape(n, classes)
    if kind in (0, 1, 3, 6):  # know something
        weights[np.arange(n), labels] += (words(name, 5010, n) % np.uint64(top + 2)).astype(np.int64)
    if kind == 4 and case % 16 == 4:  # perfect
        weights[:] = 0
        weights[np.arange(n), labels] = 1
    if kind == 5 and case % 16 == 5:  # a constant predictor
        weights[:] = weights[0]
    if kind == 7:  # always one class, that of the first sample
        weights[:, labels[0]] += 300
    weights[weights.sum(axis=1) == 0, 0] = 1
    return labels, weights / weights.sum(axis=1, keepdims=True)


def sensitivities(truth, score):
    """By level, the largest at a threshold whose specificity is at least that."""
    if truth.all() or not truth.any():
        return [math.nan] * len(LEVELS)
    fpr, tpr, _ = sk.roc_curve(truth, score, drop_intermediate=False)
    negatives = len(truth) - truth.sum()
    specificity = (negatives - np.rint(fpr * negatives)) / negatives
    found = [tpr[specificity >= float(s)].max() for s in LEVELS]
    tn, fp, fn, tp, _ = sk.confusion_matrix_at_thresholds(truth, score)
    # The threshold above all scores, which calls nothing positive, may be missing there.
    assert found == [max((tp / (tp + fn))[tn / (tn + fp) >= float(s)], default=0.0) for s in LEVELS]
    return found


def mean(values, weights=None):
    """Over those that are defined."""
    values = np.asarray(values, dtype=float)
    ok = ~np.isnan(values)
    if not ok.any():
        return math.nan
    return float(np.average(values[ok], weights=None if weights is None else weights[ok]))


def calibration(labels, scores, predicted):
    hit, confidence = (labels == predicted).astype(int), scores.max(axis=1)
    accuracy, mean_confidence = curve(hit, confidence)
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence)
    counts = np.bincount(bins, minlength=15)
    means = np.sum(counts[counts > 0] * np.abs(accuracy - mean_confidence)) / len(labels)
    gaps = [math.fsum([*hit[bins == b], *-confidence[bins == b]]) for b in range(15)]
    exact = math.fsum(map(abs, gaps)) / len(labels)
    assert abs(exact - means) <= 1e-11 * exact + 4e-15
    return exact


def kappa(labels, predicted, names, weights):
    """NaN if truth and prediction are one class."""
    counts = sk.confusion_matrix(labels, predicted, labels=names).astype(object)
    cost = [[{None: int(i != j), "linear": abs(i - j), "quadratic": (i - j) ** 2}[weights] for j in names]
            for i in names]
    expected = (cost * np.outer(counts.sum(axis=1), counts.sum(axis=0))).sum()
    found = sk.cohen_kappa_score(labels, predicted, weights=weights, labels=names)
    if expected == 0:
        assert math.isnan(found)
        return math.nan
    exact = float(1 - fractions.Fraction(int((cost * counts).sum() * len(labels)), int(expected)))
    assert abs(found - exact) <= 4e-15
    return exact


def curve(hit, confidence):
    # calibration_curve refuses one label only; every row with the other label too has the same bins and means.
    if hit.min() != hit.max():
        return calibration_curve(hit, confidence, n_bins=15)
    accuracy, mean_confidence = calibration_curve(np.append(hit, 1 - hit), np.append(confidence, confidence), n_bins=15)
    return np.full_like(accuracy, hit[0]), mean_confidence


def golden(seed, case):
    warnings.simplefilter("ignore")
    labels, scores = predictions(seed, case)
    n, classes = scores.shape
    names, support = list(range(classes)), np.bincount(labels, minlength=classes)
    predicted = scores.argmax(axis=1)
    truth, pred = np.eye(classes, dtype=int)[labels], np.eye(classes, dtype=int)[predicted]
    zero = {"zero_division": 0}
    aucs = [sk.roc_auc_score(truth[:, c], scores[:, c]) if 0 < support[c] < n else math.nan for c in names]
    scorers = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score,
               "jaccard": sk.jaccard_score}
    per_class = {k: f(truth, pred, average=None, **zero) for k, f in scorers.items()} | {
        "specificity": sk.recall_score(1 - truth, 1 - pred, average=None, **zero), "roc_auc": aucs,
        "average_precision": [sk.average_precision_score(truth[:, c], scores[:, c]) for c in names],
        **dict(zip((f"sensitivity_at_specificity_{s}" for s in LEVELS),
                   zip(*(sensitivities(truth[:, c], scores[:, c]) for c in names))))}
    confusion = sk.confusion_matrix(labels, predicted, labels=names)
    rows = [v for k in CLASS for v in per_class[k]] + confusion[labels[0]].tolist()
    if not np.isnan(aucs).any():
        assert np.isclose(mean(aucs), sk.roc_auc_score(truth, scores, average="macro"), rtol=1e-14)
        assert np.isclose(mean(aucs, support), sk.roc_auc_score(truth, scores, average="weighted"), rtol=1e-14)
    out = {
        "val_loss": sk.log_loss(labels, scores, labels=names),
        "accuracy": sk.accuracy_score(labels, predicted),
        "roc_auc": mean(aucs),
        "hamming": sk.hamming_loss(truth, pred),
        "average_precision": sk.average_precision_score(truth, scores, average="macro"),
        "mcc": sk.matthews_corrcoef(labels, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "brier": sk.brier_score_loss(labels, scores if classes > 2 else scores[:, 1],
                                     **({"labels": names} if classes > 2 else {"pos_label": 1})),
        "ece": calibration(labels, scores, predicted),
    }
    for key, weights in (("kappa", None), ("linear_kappa", "linear"), ("quadratic_kappa", "quadratic")):
        out[key] = kappa(labels, predicted, names, weights)
    for key, f in scorers.items():
        out[key] = f(truth, pred, average="macro", **zero)
    if classes == 2:
        for key, f in scorers.items():
            out[f"{key}_positive"] = f(labels, predicted, pos_label=1, **zero)
        out["specificity_positive"] = sk.recall_score(labels, predicted, pos_label=0, **zero)
        out["average_precision_positive"] = sk.average_precision_score(labels, scores[:, 1])
        for s in LEVELS:
            out[f"sensitivity_at_specificity_{s}_positive"] = per_class[f"sensitivity_at_specificity_{s}"][1]
        return [out[k] for k in BINARY] + rows
    for key, f in scorers.items():
        out[f"{key}_micro"] = f(truth, pred, average="micro", **zero)
        out[f"{key}_weighted"] = f(truth, pred, average="weighted", **zero)
    for key in ("precision_micro", "recall_micro", "recall_weighted", "f1_micro"):
        assert np.isclose(out[key], out["accuracy"], rtol=1e-14), key
    out["specificity"] = sk.recall_score(1 - truth, 1 - pred, average="macro", **zero)
    for s in LEVELS:
        out[f"sensitivity_at_specificity_{s}"] = mean(per_class[f"sensitivity_at_specificity_{s}"])
    out["roc_auc_weighted"] = mean(aucs, support)
    out["roc_auc_micro"] = sk.roc_auc_score(truth, scores, average="micro")
    for key, average in (("roc_auc_ovo", "macro"), ("roc_auc_ovo_weighted", "weighted")):
        out[key] = math.nan
        if (support > 0).sum() > 1:
            out[key] = sk.roc_auc_score(labels, scores, multi_class="ovo", average=average, labels=names)
    out["average_precision_micro"] = sk.average_precision_score(truth, scores, average="micro")
    out["average_precision_weighted"] = sk.average_precision_score(truth, scores, average="weighted")
    return [out[k] for k in MANY] + rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    with multiprocessing.Pool(2) as pool:
        results = pool.starmap(golden, [(args.seed, case) for case in range(args.cases)], chunksize=8)
    values = np.array([v for r in results for v in r], dtype=np.float64)
    bits = (values.view(np.uint64) + np.uint64(0x80)) >> np.uint64(8)
    planes = np.stack([(bits >> np.uint64(8 * k) & np.uint64(0xFF)).astype(np.uint8) for k in range(6, -1, -1)])
    head = {"made_with": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}", "seed": args.seed,
            "cases": args.cases,
            "binary": BINARY, "many": MANY, "class": CLASS}
    content = json.dumps(head, separators=(",", ":")).encode() + b"\n" + planes.tobytes()
    args.out.write_bytes(gzip.compress(content, 9, mtime=0))
    print(head["made_with"])
    print(f"{args.cases} cases, {len(values)} results, {np.isnan(values).sum()} undefined, "
          f"{args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

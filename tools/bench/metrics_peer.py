"""Bootstrap of a few scikit-learn metrics, to set beside BenchmarkAssess.

Times rounds of a stratified bootstrap over 100,000 predictions of 5 classes, in
which scikit-learn computes what evaluation.Assess computes each round, and
says how long 2,000 of them would take on one core.

    python tools/bench/metrics_peer.py
"""

import time
import warnings

import numpy as np
import sklearn
from sklearn import metrics as sk

ROWS, CLASSES, ROUNDS = 100_000, 5, 2


def measure(labels, scores):
    names = list(range(scores.shape[1]))
    predicted = scores.argmax(axis=1)
    truth = np.eye(len(names), dtype=int)[labels]
    for average in ("macro", "micro", "weighted", None):
        sk.precision_recall_fscore_support(labels, predicted, labels=names, average=average, zero_division=0)
        sk.jaccard_score(labels, predicted, labels=names, average=average)
        sk.roc_auc_score(truth, scores, average=average)
        sk.average_precision_score(truth, scores, average=average)
    for average in ("macro", "weighted"):
        sk.roc_auc_score(labels, scores, multi_class="ovo", average=average, labels=names)
    for weights in (None, "linear", "quadratic"):
        sk.cohen_kappa_score(labels, predicted, weights=weights, labels=names)
    sk.accuracy_score(labels, predicted)
    sk.balanced_accuracy_score(labels, predicted)
    sk.matthews_corrcoef(labels, predicted)
    sk.log_loss(labels, scores, labels=names)
    sk.brier_score_loss(labels, scores, labels=names)
    for c in names:
        sk.confusion_matrix_at_thresholds(truth[:, c], scores[:, c])


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, ROWS)
    scores = rng.exponential(size=(ROWS, CLASSES))
    scores[np.arange(ROWS), labels] *= 2
    scores = scores / scores.sum(axis=1, keepdims=True)
    by_class = [np.flatnonzero(labels == c) for c in range(CLASSES)]
    start = time.process_time()
    for _ in range(ROUNDS):
        rows = np.concatenate([rng.choice(r, len(r)) for r in by_class])
        measure(labels[rows], scores[rows])
    seconds = (time.process_time() - start) / ROUNDS
    print(f"scikit-learn {sklearn.__version__}: {seconds:.2f} s of a processor a round, "
          f"{2000 * seconds:.0f} s for 2,000")


if __name__ == "__main__":
    main()

"""Golden statistics of images that patients have several of, by numpy, SciPy and scikit-learn.

Writes evaluation/testdata/clustered.json.gz, from formulas as the papers print them and from definitions, none of them
in the way of package evaluation:

* AUC and difference of two AUCs: Obuchowski (1997), Biometrics 53, equations 5 to 8, from the matrix of all pairs.
* McNemar's test by patient: the chi-square of Obuchowski (1998) from the pooled variances and covariance of both
  accuracies; the exact one by all 2^n choices of signs.
* A fraction: Wilson's interval of statsmodels' proportion_confint form at n / design effect (Rao and Scott, 1992).
* Pools: noisy-or of grades as the distribution of the largest of independent grades, enumerated; the maximum from
  cumulated probabilities.
* Subgroups: accuracy, AUC, sensitivity, specificity and kappa of scikit-learn, and the largest gap of each.

    python tools/oracle/clustered.py [--seed N --out FILE]    # tools/oracle/comparison-requirements.txt
    go test ./evaluation -run Clustered -clustered FILE
"""

import argparse
import gzip
import itertools
import json
import pathlib

import numpy as np
import sklearn
from scipy import stats
from sklearn import metrics

OUT = pathlib.Path(__file__).parents[2] / "evaluation/testdata/clustered.json.gz"


def components(labels, scores, patients):
    """AUC, and of each patient the sums of (component - AUC) over positive and negative images."""
    positive, negative = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    order = scores[positive][:, None] - scores[negative][None, :]
    psi = (order > 0) + 0.5 * (order == 0)
    auc, v10, v01 = psi.mean(), psi.mean(axis=1), psi.mean(axis=0)
    ids = np.unique(patients)
    a = np.array([v10[patients[positive] == i].sum() - (patients[positive] == i).sum() * auc for i in ids])
    b = np.array([v01[patients[negative] == i].sum() - (patients[negative] == i).sum() * auc for i in ids])
    return auc, a, b


def covariance(labels, patients, x, y):
    m, n = (labels == 1).sum(), (labels == 0).sum()
    i, i10 = len(np.unique(patients)), len(np.unique(patients[labels == 1]))
    i01 = len(np.unique(patients[labels == 0]))
    s10 = i10 / ((i10 - 1) * m) * (x[1] @ y[1])
    s01 = i01 / ((i01 - 1) * n) * (x[2] @ y[2])
    s11, s11t = i / (i - 1) * (x[1] @ y[2]), i / (i - 1) * (y[1] @ x[2])
    return s10 / m + s01 / n + (s11 + s11t) / (m * n)


def mcnemar(right_a, right_b, patients):
    ids = np.unique(patients)
    k, n = len(ids), len(patients)
    pooled = (right_a.mean() + right_b.mean()) / 2
    a = np.array([right_a[patients == i].sum() - (patients == i).sum() * pooled for i in ids])
    b = np.array([right_b[patients == i].sum() - (patients == i).sum() * pooled for i in ids])
    variance = k / (k - 1) * (a @ a + b @ b - 2 * a @ b) / n**2
    gaps = np.array([(right_b[patients == i].astype(int) - right_a[patients == i]).sum() for i in ids])
    moved = gaps[gaps != 0]
    chi = (right_a.mean() - right_b.mean()) ** 2 / variance if variance > 0 else 0.0
    exact = None
    if len(moved) <= 14:
        signs = np.array(list(itertools.product([-1, 1], repeat=len(moved))), dtype=int).reshape(2 ** len(moved), len(moved))
        exact = float(np.mean(np.abs(signs @ moved) >= abs(moved.sum())))
    return {"chi_square": float(chi), "p": float(stats.chi2.sf(chi, 1)), "exact_p": exact}


def wilson(hit, patients):
    """Wilson's interval at the effective size: statsmodels' formula with n divided by the design effect."""
    n, p = len(hit), hit.mean()
    sizes = np.array([(patients == i).sum() for i in np.unique(patients)], dtype=float)
    sums = np.array([hit[patients == i].sum() for i in np.unique(patients)], dtype=float)
    alike, k = n**2 / (sizes**2).sum(), len(sizes)
    size = alike
    if 0 < p < 1 and k > 1:
        ratio_variance = k / (k - 1) * ((sums - p * sizes) ** 2).sum() / n**2
        size = min(max(n / (ratio_variance / (p * (1 - p) / n)) if ratio_variance > 0 else n, alike), n)
    z2 = stats.norm.ppf(0.975) ** 2
    middle = (size * p + z2 / 2) / (size + z2)
    half = np.sqrt(z2) / (size + z2) * np.sqrt(size * p * (1 - p) + z2 / 4)
    return [max(0.0, middle - half), min(1.0, middle + half)]


def pool(rows, how, graded):
    rows = np.array(rows)
    if how == "mean":
        return rows.mean(axis=0)
    if not graded:
        top = rows.max(axis=0)
        return top / top.sum()
    if how == "max":
        above = np.array([rows[:, k:].sum(axis=1).max() for k in range(rows.shape[1])] + [0.0])
        above[0] = 1
        return above[:-1] - above[1:]
    out = np.zeros(rows.shape[1])
    for grades in itertools.product(range(rows.shape[1]), repeat=len(rows)):
        out[max(grades)] += np.prod([rows[i, g] for i, g in enumerate(grades)])
    return out


def case(rng, number):
    count = int(rng.integers(24, 60))
    each = rng.integers(1, 4, count) if number % 3 else np.full(count, 2)
    if number % 10 == 9:
        each = np.full(count, 1)
    patients = np.repeat(np.arange(count), each)
    base, n = rng.normal(size=count), len(patients)
    labels = ((rng.normal(size=count)[patients] * 0.8 + rng.normal(size=n) * 0.6) > 0.3).astype(int)
    scores = []
    for shift in (1.5, 1.2):
        raw = shift * labels - 0.6 + 0.8 * base[patients] + 0.6 * rng.normal(size=n)
        scores.append(np.round(64 / (1 + np.exp(-raw))) / 64)
    sex = rng.integers(0, 3, count)[patients]
    x, y = (components(labels, s, patients) for s in scores)
    vx, vy, cov = covariance(labels, patients, x, x), covariance(labels, patients, y, y), covariance(labels, patients, x, y)
    right = [(s > 0.5).astype(int) == labels for s in scores]
    groups = {}
    for g in range(3):
        of = sex == g
        t, s = labels[of], scores[0][of]
        guess = (s > 0.5).astype(int)
        groups["ABC"[g]] = {
            "rows": int(of.sum()), "patients": len(np.unique(patients[of])),
            "accuracy": metrics.accuracy_score(t, guess),
            "roc_auc": metrics.roc_auc_score(t, s) if 0 < t.sum() < len(t) else None,
            "recall_positive": metrics.recall_score(t, guess) if t.sum() else None,
            "specificity_positive": metrics.recall_score(t, guess, pos_label=0) if t.sum() < len(t) else None,
            "kappa": metrics.cohen_kappa_score(t, guess) if 0 < t.sum() < len(t) else None}
    return {
        "patients": patients.tolist(), "labels": labels.tolist(), "sex": sex.tolist(),
        "a": (scores[0] * 64).astype(int).tolist(), "b": (scores[1] * 64).astype(int).tolist(),
        "auc": [float(x[0]), float(y[0])], "std_err": [float(np.sqrt(vx)), float(np.sqrt(vy))],
        "difference_err": float(np.sqrt(max(vx + vy - 2 * cov, 0))),
        "mcnemar": mcnemar(*right, patients), "accuracy": wilson(right[0], patients),
        "sensitivity": wilson(right[0][labels == 1], patients[labels == 1]), "groups": groups}


def pools(rng):
    out = []
    for classes in (2, 3, 5):
        for images in (2, 3, 4):
            rows = rng.dirichlet(np.ones(classes), images)
            out.append({"rows": rows.tolist(), **{how: pool(rows, how, True).tolist() for how in ("mean", "max", "noisy_or")},
                        "max_unordered": pool(rows, "max", False).tolist()})
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=20261129)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    golden = {"made_with": f"numpy {np.__version__}, scikit-learn {sklearn.__version__}",
              "cases": [case(rng, i) for i in range(40)], "pools": pools(rng)}
    with gzip.GzipFile(args.out, "wb", 9, mtime=0) as f:
        f.write(json.dumps(golden, separators=(",", ":")).encode())


if __name__ == "__main__":
    main()

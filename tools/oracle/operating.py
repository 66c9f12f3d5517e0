"""Golden operating points and decision curves, by scikit-learn, statsmodels, scipy and numpy.

Writes evaluation/operating/testdata/points.json.gz: 200 random cases of two classes or
of grades with a cut, with ties among the probabilities. Of each it holds the seed by
which the test draws the same predictions, and for each rule the threshold that it
chooses among those of roc_curve on the first half of the images, with the counts and
the rates on the second half (confusion_matrix, recall_score, precision_score, Wilson's
intervals of statsmodels, likelihood ratios as scipy's relative_risk) and the net
benefit by numpy at every fifth of the 100 thresholds. Numbers have 12 digits.

    python tools/oracle/operating.py        # needs comparison-requirements.txt
"""

import gzip
import json
import pathlib

import numpy as np
from scipy.stats.contingency import relative_risk
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

OUT = pathlib.Path(__file__).parents[2] / "evaluation/operating/testdata/points.json.gz"
RULES = ["youden", "sensitivity 0.8", "sensitivity 0.95", "specificity 0.9", "sensitivity 0.8 lower",
         "specificity 0.7 lower"]
PREVALENCE, LEVEL, MASK = 0.03, 0.95, (1 << 64) - 1


def words(seed):
    """splitmix64, which the test runs too."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def draw(seed):
    """Labels, and probabilities in 64ths of a row's sum, so that all is exact and ties occur."""
    w = words(seed)
    classes = 2 + seed % 4
    rows = 40 + next(w) % 160
    labels, probabilities = [], []
    for _ in range(rows):
        label = next(w) % classes
        cuts = sorted(next(w) % 65 for _ in range(classes - 1))
        p = np.diff([0] + cuts + [64])
        if next(w) % 3:  # most are right
            top = int(np.argmax(p))
            p[label], p[top] = p[top], p[label]
        labels.append(label)
        probabilities.append([int(v) for v in p])
    return classes, np.array(labels), np.array(probabilities)


def choose(rule, truth, score):
    """The threshold of a rule among those of roc_curve, the highest of equals; None: there is none."""
    fpr, tpr, thresholds = sk.roc_curve(truth, score, drop_intermediate=False)
    p, n = int(truth.sum()), int((1 - truth).sum())
    hits, kept = np.rint(tpr * p).astype(int), n - np.rint(fpr * n).astype(int)
    words = rule.split()
    if words[0] == "youden":
        value = hits * n + kept * p
        fits = np.ones(len(value), bool)
    else:
        of, all_, other = (hits, p, kept) if words[0] == "sensitivity" else (kept, n, hits)
        rate = of / all_
        if words[-1] == "lower":
            rate = np.array([proportion_confint(int(h), all_, 1 - LEVEL, "wilson")[0] for h in of])
        fits, value = rate >= float(words[1]), other
    if not fits.any():
        return None
    best = int(np.argmax(np.where(fits, value, -1)))
    return float(np.nextafter(score.max(), np.inf)) if np.isinf(thresholds[best]) else float(thresholds[best])


def apply(threshold, truth, score):
    said = (score >= threshold).astype(int)
    tn, fp, fn, tp = (int(v) for v in sk.confusion_matrix(truth, said, labels=[0, 1]).ravel())
    out = {"counts": [tp, fp, tn, fn], "measures": {}}

    def put(name, value, low, high):
        out["measures"][name] = [float(value), float(low), float(high)]

    for name, value, k, m in [
            ("sensitivity", sk.recall_score(truth, said, pos_label=1, zero_division=0), tp, tp + fn),
            ("specificity", sk.recall_score(truth, said, pos_label=0, zero_division=0), tn, tn + fp),
            ("ppv", sk.precision_score(truth, said, pos_label=1, zero_division=0), tp, tp + fp),
            ("npv", sk.precision_score(truth, said, pos_label=0, zero_division=0), tn, tn + fn)]:
        if m:
            put(name, value, *proportion_confint(k, m, 1 - LEVEL, "wilson"))
    if min(tp, fp, tn, fn) > 0:
        plus, minus = relative_risk(tp, tp + fn, fp, fp + tn), relative_risk(fn, tp + fn, tn, fp + tn)
        ratios = []
        for name, x in [("lr_positive", plus), ("lr_negative", minus)]:
            ci = x.confidence_interval(LEVEL)
            put(name, x.relative_risk, ci.low, ci.high)
            ratios.append((x.relative_risk, ci.low, ci.high))
        # Bayes: a test with these ratios, in people of whom the prevalence has the disease.
        ppv = [PREVALENCE * lr / (PREVALENCE * lr + 1 - PREVALENCE) for lr in ratios[0]]
        npv = [(1 - PREVALENCE) / (1 - PREVALENCE + PREVALENCE * lr) for lr in ratios[1]]
        sens, spec = tp / (tp + fn), tn / (tn + fp)
        direct = PREVALENCE * sens / (PREVALENCE * sens + (1 - PREVALENCE) * (1 - spec))
        assert abs(direct - ppv[0]) < 1e-12
        put("ppv_at_prevalence", *ppv)
        put("npv_at_prevalence", npv[0], npv[2], npv[1])
    return out


def net_benefit(truth, score):
    at = np.arange(100) / 100
    said = score[None, :] >= at[:, None]
    weight = at / (1 - at)
    model = (said & (truth == 1)).mean(1) - (said & (truth == 0)).mean(1) * weight
    return [float(v) for v in model], [float(v) for v in truth.mean() - (1 - truth.mean()) * weight]


def short(x):
    """x with its numbers rounded to 12 digits, but for thresholds, which are exact."""
    if isinstance(x, dict):
        return {k: v if k == "threshold" else short(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [short(v) for v in x]
    return float(f"{x:.12g}") if isinstance(x, float) else x


def main():
    cases = []
    for seed in range(200):
        classes, labels, p = draw(seed)
        cut = 1 if classes == 2 else 1 + seed % (classes - 1)
        truth, score = (labels >= cut).astype(int), p[:, cut:].sum(1) / 64
        half = len(truth) // 2
        case = {"seed": seed, "cut": cut, "rules": {}}
        for rule in RULES:
            t = choose(rule, truth[:half], score[:half])
            case["rules"][rule] = None if t is None else {"threshold": t, **apply(t, truth[half:], score[half:])}
        case["model"], case["all"] = (x[::5] for x in net_benefit(truth, score))
        cases.append(case)
    OUT.parent.mkdir(exist_ok=True)
    text = json.dumps(short({"prevalence": PREVALENCE, "level": LEVEL, "cases": cases}), separators=(",", ":"))
    OUT.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(OUT, OUT.stat().st_size, "bytes;", sum(r is None for c in cases for r in c["rules"].values()), "missed")


if __name__ == "__main__":
    main()

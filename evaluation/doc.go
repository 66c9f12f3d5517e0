// Package evaluation turns predictions into metrics and tables.
//
// The input is a [Predictions] table with the true class of each image and one probability a class. [ReadTable] reads
// the table of a run or of any other program.
//
//   - [Compute] returns the metrics. It is cheap enough for every epoch.
//   - [PerClass] returns the metrics of each class.
//   - [Assess] returns every measure with its interval.
//   - [Breakdown] assesses by image, eye or patient, and subgroups.
//   - [ComparePaired] tests two classifiers on the same images.
//   - [WriteMetrics] and [WritePredictions] write the CSV files of a run folder.
//
// Package lexicon reads names of classes, and package operating chooses thresholds and draws decision curves. Package
// figures draws the results, and package report makes a page of them. Nothing here needs the ONNX Runtime.
//
// # Definitions
//
// The definitions are scikit-learn's, applied as RETFound's engine_finetune.py applies them. Truth and prediction are
// one-hot indicator matrices over all C classes. So macro averages are plain means over C columns, a class that is
// absent included. The predicted class is the one of largest probability, ties going to the lowest index.
//
//	val_loss           log_loss: mean of -ln p(label), p clipped to [2^-52, 1-2^-52]
//	accuracy           accuracy_score
//	f1                 f1_score, macro, zero_division 0
//	roc_auc            roc_auc_score, one versus rest, macro
//	hamming            hamming_loss of the indicators = 2(1-accuracy)/C
//	jaccard            jaccard_score, macro, zero_division 0
//	precision, recall  precision_score, recall_score, macro, zero_division 0
//	average_precision  average_precision_score, macro (a step sum, not interpolated)
//	kappa              cohen_kappa_score, unweighted
//	score              (f1 + roc_auc + kappa) / 3, which selects the best epoch
//	quadratic_kappa    cohen_kappa_score, weights="quadratic", labels=all C classes
//	mcc                matthews_corrcoef
//
// The loss is taken from the probabilities, so that it is the same whether a model of ours or a table from elsewhere is
// evaluated. It is the mean over rows; RETFound's val_loss is a mean of batch means, which gives the rows of a short
// last batch more weight: [LogLoss] gives that too. A caller that wants another loss replaces [Metrics.Loss].
//
// # Where scikit-learn defines nothing
//
// Each of these comes with a [Warning] that names class and metrics.
//
//   - A class without samples, or that all samples have, has no ROC curve:
//     scikit-learn before 1.6 stopped with an error, later versions return NaN.
//     Here its AUC is left out of the mean. If no class has an AUC, roc_auc is
//     0.5, the value of a classifier that knows nothing.
//   - The average precision of a class without samples is 0, as in scikit-learn,
//     and counts in the mean.
//   - Kappa is 0/0 where truth and prediction are one same class throughout
//     (scikit-learn: NaN). Here it is 0: chance alone would agree as well.
//     That is also what matthews_corrcoef gives.
//   - Quadratic kappa measures distance on the whole scale of classes, so it is
//     given all C labels. scikit-learn's default drops classes that are neither
//     true nor predicted anywhere and closes the gap that they leave.
//
// # The measures of an assessment
//
// An [Assessment] has the columns above, which are macro averages, and more, again as scikit-learn 1.9 has them:
//
//	balanced_accuracy   balanced_accuracy_score: mean recall of the classes that occur
//	linear_kappa        cohen_kappa_score, weights="linear", labels=all C classes
//	brier               brier_score_loss: the mean of Σ_c (y_c - p_c)², which lies in
//	                    [0, 2]; half of it for two classes, where it is (y - p)²
//	ece                 expected calibration error of Guo et al. (2017): 15 bins of
//	                    equal width ](b-1)/15, b/15] of the largest probability,
//	                    Σ_b n_b/n · |accuracy - mean probability|
//	specificity         TN / (TN + FP) of each class against the rest, macro
//	…_micro             all n·C decisions pooled; those of precision, recall and F1
//	                    are the accuracy, as each image has one class
//	…_weighted          mean over classes by their number of images
//	roc_auc_ovo         Hand and Till (2001): of each pair of classes that occur, the
//	                    mean of both AUCs on the images of the two;
//	                    _weighted: by the images of a pair
//	sensitivity_at_specificity_0.95
//	                    the largest sensitivity at a threshold t on the class's own
//	                    probability (positive: p ≥ t) whose specificity is at least
//	                    0.95; nothing is interpolated between thresholds, and the
//	                    threshold is chosen on the images that are evaluated, so it
//	                    flatters small sets; macro over the classes that have a curve
//
// With two classes the second one is positive. Its precision, recall (the sensitivity), specificity, F1, Jaccard,
// average precision and operating points are called …_positive. Micro and weighted averages over both sides of one
// decision say nothing more and are left out; the AUC is the same from either side.
//
// [MeaningOf] finds out which class of two is positive and whether classes are grades, and [Predictions.Arrange] brings
// a table into that order. Kappa with weights means something for grades alone, so [Assessment.Headlined] leaves it out
// of what people read for other classes. Each rate names the rule by which images were taken for a class: [Argmax], or
// a threshold.
//
// # Intervals
//
// Each measure has one interval, and an [Estimate] names its method. A fraction of the images, or of those of one
// class, has Wilson's interval (1927): the accuracy, what follows from it alone, the sensitivity and the specificity of
// a class. The AUC of one class, and of two classes, has DeLong's. All others have the interval of a stratified
// bootstrap: every round draws as many images of each class as there are, with replacement, so that no class
// disappears; the mix of classes is taken as given. An image's weight in a round is how often it was drawn, and
// rankings are sorted once, not each round. Rounds have random streams of their own: the result depends on the seed
// alone.
//
// The interval is the bias-corrected percentile one of Efron (1981), since images that are drawn twice raise average
// precision, and measures near their limit are skewed. Not BCa: its acceleration takes a jackknife of as many
// evaluations as there are images. A measure that is the same in each round, as kappa of a classifier without a
// mistake, has an interval without width, which is no evidence: an [Assessment] then warns. The interval of ece is the
// basic one, cut at 0, since each round adds to its bias; see below. docs/metrics.md tells how often the intervals of
// small samples hold the true value.
//
// ece is biased upwards in small samples: the gaps of its bins do not cancel. [Assessment.ECEIfCalibrated] is about
// what right probabilities would show, by the normal approximation in each bin.
//
// The AUC of each class against the rest has an interval by the standard error of DeLong et al. (1988), from
// placements in one pass over sorted scores (what Sun and Xu, 2014, do with midranks). It is symmetric on the scale of
// logit(AUC) (Pepe, 2003), so that it stays in [0, 1] and has a width near 1. A perfect ranking has no standard error:
// its interval is that of Clopper and Pearson for as many successes as the smaller side has images. It needs two images
// on each side.
//
// # Patients
//
// Where the attribute "patient" is known and patients have several rows, rows of a patient depend on each other, and
// every interval is by patient. A row without a patient is a patient of its own. Then
//
//   - Wilson's interval takes n divided by the design effect in the place of n rows: the variance of the fraction
//     between patients over that of independent rows (Rao and Scott, 1992; Saha, Miller and Wang, 2016). It is never
//     less than 1 nor more than for rows that are alike within a patient, which is also taken where all rows hit or
//     none does.
//   - DeLong's error is that of Obuchowski (1997), for one AUC and for the difference of two.
//   - The bootstrap draws patients within strata, the rarest class among a patient's rows. Its percentiles are those of
//     a Student variable, enlarged by √(n/(n-h)) for n patients in h strata (Hesterberg, 2015).
//   - McNemar's exact test flips the signs of patients' differences. Its chi-square is that of Obuchowski (1998).
//
// [Predictions.By] makes rows of eyes and patients. [Assessment.AddSubgroups] tells results of groups of rows apart.
//
// # Bands of curves
//
// A [Band] is a ROC or precision-recall curve at 201 points from 0 to 1 with the percentile interval of its height at
// each, from the rounds of the same bootstrap. At a false positive rate the height of a ROC curve is its sensitivity,
// on the straight line between corners, and the upper end where the curve goes straight up. At a recall the height of a
// precision-recall curve is the precision of the highest threshold that has this recall, as the average precision sums
// it. The band is pointwise: each point's interval holds the truth as often as it says, the whole curve lies inside
// less often. Of two classes there is the curve of the positive one; of more, the macro average (the mean height over
// classes, as roc_auc and average_precision average areas) and the micro average (all n·C decisions pooled).
//
// # Tests of two classifiers
//
// [ComparePaired] computes three things:
//
//   - McNemar's test of accuracy, exact (binomial) and as chi-square with continuity correction. The correction goes to
//     0 and not beyond, as in R's mcnemar.test and unlike statsmodels.
//   - DeLong's test of the AUC of each class. It is undefined where the difference has no variance but is not 0.
//   - The bootstrap interval of each measure's difference, with the same images drawn for both.
//
// A [Contest] corrects the p values of both tests for their number by Holm's method. Intervals are not corrected.
package evaluation

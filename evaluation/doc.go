// Package evaluation turns predictions into metrics and tables.
//
// The input is a [Predictions] table: for each image the true class and one
// probability a class, from our own model or, through [ReadPredictions], from
// any other framework. [Compute] gives the metrics, [PerClass] the same per
// class, [WriteMetrics] and [WritePredictions] the CSV files of a run folder.
// Package figures draws them, package report makes a page of them. Nothing here
// needs the ONNX Runtime.
//
// # Definitions
//
// The definitions are scikit-learn's, applied as RETFound's engine_finetune.py
// applies them: truth and prediction are one-hot indicator matrices over all C
// classes, so macro averages are plain means over C columns, a class that is
// absent included. The predicted class is the one of largest probability, ties
// going to the lowest index.
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
// The loss is taken from the probabilities, so that it is the same whether a
// model of ours or a table from elsewhere is evaluated. It is the mean over
// rows; RETFound's val_loss is a mean of batch means, which gives the rows of a
// short last batch more weight: [LogLoss] gives that too. A caller that wants
// another loss replaces [Metrics.Loss].
//
// # Where scikit-learn leaves a hole
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
package evaluation

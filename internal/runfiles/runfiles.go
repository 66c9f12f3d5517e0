// Package runfiles names the files of a run folder (output.dir/name) once for all packages that write or read them. An
// evaluation writes the files of a split, the report and its figures to a folder of its own.
package runfiles

const (
	// Config holds the resolved config of the run. A folder without it holds no run.
	Config = "config.toml"
	// Log holds a JSON object for each epoch, with the keys of RETFound's log.
	Log = "log.txt"
	// Splits is the table of a run with data.labels that says label and split of each image.
	Splits = "splits.csv"
	// LeftOut is the table of rows and images that such a run does not use.
	LeftOut = "left_out.csv"
	// Model is the classifier of the best epoch, for inference.
	Model = "model.onnx"
	// Report shows the whole run on one page.
	Report = "report.html"
	// Figures is the folder with the figures of the report, as PNG and SVG.
	Figures = "figures"
	// TensorBoard is the folder of event files.
	TensorBoard = "tensorboard"

	// Checkpoints is the folder that holds LastCheckpoint and BestCheckpoint.
	Checkpoints = "checkpoints"
	// LastCheckpoint is the folder that a resumed run continues from.
	LastCheckpoint = Checkpoints + "/last"
	// BestCheckpoint is the folder of the epoch that evaluation.select chooses.
	BestCheckpoint = Checkpoints + "/best"
)

// Files of a checkpoint.
const (
	// CheckpointModel holds the parameters that would be deployed.
	CheckpointModel = "model.safetensors"
	// CheckpointOptimizer holds the moments and, with training.ema, the parameters that are trained.
	CheckpointOptimizer = "optimizer.safetensors"
	// CheckpointState holds the rest of the run's state and the checksums of the other two. It is written last.
	CheckpointState = "state.json"
)

// MaxState is the largest size of CheckpointState, in bytes. It is enough for a million images.
const MaxState = 256 << 20

// Metrics returns the name of the CSV with the metrics of a split. That of "val" has a row for each epoch. That of
// "test" is the last file of a run, so a folder that has it holds a finished run.
func Metrics(split string) string { return "metrics_" + split + ".csv" }

// Measures returns the name of the JSON with all measures of a split and their intervals.
func Measures(split string) string { return "metrics_" + split + ".json" }

// Predictions returns the name of the CSV with path, label, prediction and probabilities of each image of a split.
func Predictions(split string) string { return "predictions_" + split + ".csv" }

// PartialPredictions returns the name of the file that keeps the predictions of a split until its evaluation is
// complete.
func PartialPredictions(split string) string { return "predictions_" + split + ".partial.jsonl" }

// ConfusionMatrix returns the name of the picture of a split's confusion matrix.
func ConfusionMatrix(split string) string { return "confusion_matrix_" + split + ".png" }

// DecisionCurve returns the name of the CSV with the decision curve of a split of two classes, or of grades with a cut.
func DecisionCurve(split string) string { return "decision_curve_" + split + ".csv" }

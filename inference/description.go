package inference

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/data"
	"fovea/evaluation/operating"
	"fovea/internal/naming"
	"fovea/models/imported"
	"fovea/models/trained"
	"fovea/onnx/pb"
)

// What a model's output can be.
const (
	Logits        = "logits"        // softmax makes probabilities of them
	Probabilities = "probabilities" // one a class, with the sum 1
)

// A Description says how to use a model file on an image. The shorter side, or both, are resized to floor(Size/Crop) with
// Pillow's antialiased bicubic filter, and the centre is cut out. Pixels are scaled to [0,1] and normalised by Mean and
// Std. A field with its zero value says nothing.
type Description struct {
	Classes   []string            `json:"classes" toml:"classes"` // in the order of the output
	Merged    map[string][]string `json:"-" toml:"-"`             // classes of the data that make one of Classes, see data.Regrouping
	Size      int                 `json:"size" toml:"size"`       // S, pixels
	Resize    data.ResizeRule     `json:"resize" toml:"resize"`   // "": data.Crop
	Crop      float64             `json:"crop" toml:"crop"`       // part of the resized sides that stays
	Mean      []float32           `json:"mean" toml:"mean"`       // RGB in [0,1]
	Std       []float32           `json:"std" toml:"std"`
	White     int                 `json:"white_level" toml:"white_level"`  // see data.Reading
	Input     string              `json:"input" toml:"input"`              // float32 [N,3,S,S]
	Output    string              `json:"output" toml:"output"`            // float32 [N,C]
	Scores    string              `json:"scores" toml:"scores"`            // Logits or Probabilities; "": see Resolve
	Positive  string              `json:"positive" toml:"positive"`        // the class of two that is looked for; "": see Meaning
	Ordered   *bool               `json:"ordered" toml:"ordered"`          // whether the classes are grades; nil: see Meaning
	Grades    []string            `json:"grades" toml:"grades"`            // the classes in ascending order; nil: see Meaning
	Weights   trained.Settings    `json:"weights,omitzero" toml:"weights"` // what a weight file does not say of its model
	Epoch     int                 `json:"-" toml:"-"`                      // of a run, the best, counted from 1
	Raw       bool                `json:"-" toml:"-"`                      // the preparation is inside: Input is uint8 [height,width,3]
	Half      bool                `json:"-" toml:"-"`                      // logits are rounded to float16, as the run's metrics say
	LossBatch int                 `json:"-" toml:"-"`                      // the loss is a mean over batches of so many images; 0: over images
	Operating []operating.Point   `json:"-" toml:"-"`                      // thresholds that a run chose on validation, the default first

	said  bool // somebody said Scores
	found bool // the graph says Scores
}

// Describe finds out how to use the model file at path. What given says holds; then what the file beside it says,
// MODEL.json or MODEL.toml for MODEL.onnx; then the metadata of a run's model, or the arguments in a weight file. Of another model, size, input, output
// and names of classes are read off the graph where it leaves no choice, and classes without names are called by their
// numbers. Scores that nobody says are logits if a layer makes them, and else are left for Resolve. It is an error if the preprocessing is not said anywhere.
func Describe(path string, given Description) (*Description, error) {
	beside, err := readSidecar(path)
	if err != nil {
		return nil, err
	}
	said := beside
	said.take(given)
	m, err := trained.Open(path, said.Weights, int64(said.Size))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	d, err := readMetadata(m.Proto)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if w := m.Weights; w != nil {
		w.Log(path, said.Weights)
		d = &Description{Classes: w.Classes, Size: w.Size, Resize: data.ResizeRule(w.Resize), Crop: w.Crop, Mean: w.Mean,
			Std: w.Std, LossBatch: w.LossBatch, Output: Logits, Scores: Logits}
	}
	d.take(beside)
	d.take(given)
	d.said = beside.Scores != "" || given.Scores != ""
	if w := m.Weights; w != nil && d.Classes != nil && len(d.Classes) != int(w.Config.Classes) {
		return nil, fmt.Errorf("%s: its head has %d classes, but the names are of %d: %s", path, w.Config.Classes,
			len(d.Classes), naming.List(d.Classes))
	}
	if err := d.readGraph(m.Proto.GetGraph()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if d.Scores == "" && imported.MakesLogits(m.Proto, d.Output) {
		d.Scores, d.found = Logits, true
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// take lets what o says hold.
func (d *Description) take(o Description) {
	if o.Classes != nil && !slices.Equal(o.Classes, d.Classes) {
		d.Classes, d.Operating = o.Classes, nil // those of a run are for its own
		d.Positive, d.Ordered, d.Grades = "", nil, nil
	}
	if o.Positive != "" {
		d.Positive = o.Positive
	}
	if o.Ordered != nil {
		d.Ordered, d.Grades = o.Ordered, o.Grades
	}
	if o.Size != 0 {
		d.Size = o.Size
	}
	if o.Resize != "" && o.Resize != cmp.Or(d.Resize, data.Crop) {
		d.Resize, d.Crop = o.Resize, 0 // the old value was that of another rule
	}
	if o.Crop != 0 {
		d.Crop = o.Crop
	}
	if o.Mean != nil {
		d.Mean = o.Mean
	}
	if o.Std != nil {
		d.Std = o.Std
	}
	if o.White != 0 {
		d.White = o.White
	}
	if o.Output != "" && o.Output != d.Output {
		d.Output, d.Scores = o.Output, "" // the old value was that of another output
	}
	if o.Input != "" {
		d.Input = o.Input
	}
	if o.Scores != "" {
		d.Scores = o.Scores
	}
	d.Weights.Heads = cmp.Or(o.Weights.Heads, d.Weights.Heads)
	d.Weights.FCNormTwice = cmp.Or(o.Weights.FCNormTwice, d.Weights.FCNormTwice)
	d.Weights.From = cmp.Or(o.Weights.From, d.Weights.From)
}

// Open opens the model file at path that d describes.
func (d *Description) Open(path string) (*trained.Classifier, error) {
	return trained.Open(path, d.Weights, int64(d.Size))
}

// readGraph fills in what the graph leaves no choice in.
func (d *Description) readGraph(g *pb.GraphProto) error {
	var inputs []string
	for _, in := range g.GetInput() {
		fed := !slices.ContainsFunc(g.GetInitializer(), func(t *pb.TensorProto) bool { return t.GetName() == in.GetName() })
		if fed { // old files list the weights too
			inputs = append(inputs, in.GetName())
		}
		if dims := in.GetType().GetTensorType().GetShape().GetDim(); fed && d.Size == 0 && len(dims) == 4 {
			d.Size = int(dims[2].GetDimValue())
		}
	}
	var outputs, scores []string
	for _, out := range g.GetOutput() {
		outputs = append(outputs, out.GetName())
		if mayBeScores(out.GetType()) {
			scores = append(scores, out.GetName())
		}
	}
	if d.Output == "" && len(scores) == 1 {
		d.Output = scores[0] // the others are names or numbers of classes
	}
	if len(inputs) != 1 {
		return fmt.Errorf("it has %d inputs: a classifier of images, such as a run's model with metadata %q, has one",
			len(inputs), metaClasses)
	}
	for _, x := range []struct {
		what  string
		name  *string
		names []string
	}{{"input", &d.Input, inputs}, {"output", &d.Output, outputs}} {
		switch {
		case *x.name == "" && len(x.names) == 1:
			*x.name = x.names[0]
		case *x.name == "":
			return fmt.Errorf("it has the %ss %q: say which one with %s", x.what, x.names, x.what)
		case !slices.Contains(x.names, *x.name):
			return fmt.Errorf("it has no %s %q, only %q", x.what, *x.name, x.names)
		}
	}
	if maker := producer(g, d.Output); maker.GetOpType() == "ZipMap" && len(maker.GetInput()) == 1 {
		d.Output = maker.GetInput()[0] // of the table of scores it makes a list of dictionaries
		if d.Classes == nil {
			d.Classes = classLabels(maker)
		}
	}
	if d.Classes == nil {
		for _, out := range g.GetOutput() {
			if dims := out.GetType().GetTensorType().GetShape().GetDim(); out.GetName() == d.Output && len(dims) >= 2 {
				for i := range dims[1].GetDimValue() {
					d.Classes = append(d.Classes, strconv.FormatInt(i, 10))
				}
			}
		}
	}
	return nil
}

// producer returns the node that makes a value, or nil.
func producer(g *pb.GraphProto, name string) *pb.NodeProto {
	for _, n := range g.GetNode() {
		if slices.Contains(n.GetOutput(), name) {
			return n
		}
	}
	return nil
}

func (d *Description) check() error {
	if d.Crop == 0 && d.Resize == data.Squash {
		d.Crop = 1
	}
	var missing []string
	for _, x := range []struct {
		key  string
		said bool
	}{{"classes", d.Classes != nil}, {"size", d.Size != 0}, {"crop", d.Crop != 0}, {"mean", d.Mean != nil},
		{"std", d.Std != nil}} {
		if !x.said {
			missing = append(missing, x.key)
		}
	}
	if missing != nil {
		return fmt.Errorf("nothing says its %s: say it on the command line (such as -%s) or in a file beside the model, "+
			"MODEL.json or MODEL.toml; model.onnx of a run has it in its metadata", strings.Join(missing, ", "), missing[0])
	}
	if len(d.Mean) != 3 || len(d.Std) != 3 {
		return fmt.Errorf("mean %v and std %v: each must be three numbers, for red, green and blue", d.Mean, d.Std)
	}
	for _, v := range slices.Concat(d.Mean, d.Std) {
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("mean %v and std %v: %v is not a finite number", d.Mean, d.Std, v)
		}
	}
	if most := max(slices.Max(d.Mean), slices.Max(d.Std)); most > 4 {
		return fmt.Errorf("mean %v and std %v: these look like values of pixels from 0 to 255, but pixels go from 0 to 1 "+
			"here: divide them by 255", d.Mean, d.Std)
	}
	if d.White < 0 || d.White > 65535 {
		return fmt.Errorf("white_level %d: it must be a sample of 16 bits, 1 to 65535, or 0 for what the file says", d.White)
	}
	if d.Scores != "" && d.Scores != Logits && d.Scores != Probabilities {
		return fmt.Errorf("scores %q: they must be %s or %s", d.Scores, Logits, Probabilities)
	}
	if len(d.Classes) < 2 {
		return fmt.Errorf("the classes are %q: a classifier has at least two", d.Classes)
	}
	for i, name := range d.Classes {
		if name == "" || slices.Contains(d.Classes[:i], name) {
			return fmt.Errorf("class %d is called %q: each needs a name of its own", i, name)
		}
	}
	if _, err := d.Meaning(); err != nil {
		return err
	}
	return d.Transform().Check()
}

// Transform returns the preparation of images.
func (d *Description) Transform() data.EvalTransform {
	return data.EvalTransform{Size: d.Size, Resize: d.Resize, CropPct: d.Crop, Mean: [3]float32(d.Mean),
		Std: [3]float32(d.Std), Reading: data.Reading{White: d.White}}
}

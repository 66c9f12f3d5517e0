package inference

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"fovea/data"
	"fovea/onnx"
	"fovea/onnx/pb"
)

// Metadata keys of model.onnx: all that is needed to use it on an image file.
const (
	metaClasses       = "fovea.classes"          // JSON array of names, in the order of the outputs
	metaMerged        = "fovea.merged_classes"   // JSON object, see Description.Merged; absent for none
	metaSize          = "fovea.image_size"       // S, pixels
	metaCrop          = "fovea.crop_fraction"    // see metaResize
	metaResize        = "fovea.resize"           // in words
	metaResizeRule    = "fovea.resize_rule"      // a data.ResizeRule; absent for data.Crop
	metaMean          = "fovea.mean"             // JSON array, RGB in [0,1]
	metaStd           = "fovea.std"              // JSON array
	metaWhite         = "fovea.white_level"      // see data.Reading; absent for 0
	metaProbabilities = "fovea.probabilities"    // "fp32" or "fp16", how metrics round
	metaLossBatch     = "fovea.loss_batch"       // see Description.LossBatch
	metaImage         = "fovea.image"            // "raw": the preparation is inside the model
	metaEpoch         = "fovea.best_epoch"       // counted from 1
	metaPositive      = "fovea.positive"         // of two classes the one that is looked for
	metaOrdered       = "fovea.ordered"          // "true" if the classes are grades, else "false"
	metaGrades        = "fovea.grades"           // JSON array of names, ascending; absent where they are no grades
	metaOperating     = "fovea.operating_points" // JSON array of operating.Point; absent without
)

// resizeInWords has the resized sides for %s.
const resizeInWords = "RGB; %s to floor(image_size/crop_fraction), antialiased bicubic (Pillow); centre crop; " +
	"scale to [0,1]; subtract mean, divide by std; NCHW float32"

// WriteMetadata writes into the model of a run how it wants its images. Input, output and scores are not written,
// because they are the same for all runs.
func (d *Description) WriteMetadata(m *pb.ModelProto) {
	list := func(x any) string { text, _ := json.Marshal(x); return string(text) }
	sides := "shorter side"
	if d.Resize == data.Squash {
		sides = "width and height"
		onnx.SetMetadata(m, metaResizeRule, string(data.Squash))
	}
	rounding := "fp32"
	if d.Half {
		rounding = "fp16"
	}
	for _, entry := range [][2]string{
		{metaClasses, list(d.Classes)},
		{metaSize, strconv.Itoa(d.Size)},
		{metaCrop, strconv.FormatFloat(d.Crop, 'g', -1, 64)},
		{metaResize, fmt.Sprintf(resizeInWords, sides)},
		{metaMean, list(d.Mean)},
		{metaStd, list(d.Std)},
		{metaEpoch, strconv.Itoa(d.Epoch)},
		{metaProbabilities, rounding},
		{metaLossBatch, strconv.Itoa(d.LossBatch)},
	} {
		onnx.SetMetadata(m, entry[0], entry[1])
	}
	if len(d.Merged) > 0 {
		onnx.SetMetadata(m, metaMerged, list(d.Merged))
	}
	if d.White != 0 {
		onnx.SetMetadata(m, metaWhite, strconv.Itoa(d.White))
	}
	if d.Raw {
		onnx.SetMetadata(m, metaImage, "raw")
	}
	if d.Positive != "" {
		onnx.SetMetadata(m, metaPositive, d.Positive)
	}
	if d.Ordered != nil {
		onnx.SetMetadata(m, metaOrdered, strconv.FormatBool(*d.Ordered))
	}
	if d.Grades != nil {
		onnx.SetMetadata(m, metaGrades, list(d.Grades))
	}
	if d.Operating != nil {
		onnx.SetMetadata(m, metaOperating, list(d.Operating))
	}
}

// readMetadata describes the model of a run; of another nothing.
func readMetadata(m *pb.ModelProto) (*Description, error) {
	d := &Description{}
	if _, ok := onnx.Metadata(m, metaClasses); !ok {
		return d, nil
	}
	for _, field := range []struct {
		key string
		to  any
	}{
		{metaClasses, &d.Classes}, {metaSize, &d.Size}, {metaCrop, &d.Crop}, {metaMean, &d.Mean}, {metaStd, &d.Std},
		{metaEpoch, &d.Epoch}, {metaLossBatch, &d.LossBatch},
	} {
		text, ok := onnx.Metadata(m, field.key)
		if !ok {
			return nil, fmt.Errorf("there is no metadata %q, though a run of fovea wrote the model", field.key)
		}
		if err := json.Unmarshal([]byte(text), field.to); err != nil {
			return nil, fmt.Errorf("metadata %q: %w", field.key, err)
		}
	}
	if text, ok := onnx.Metadata(m, metaWhite); ok {
		var err error
		if d.White, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("metadata %q: %w", metaWhite, err)
		}
	}
	for _, field := range []struct { // which files may lack
		key string
		to  any
	}{{metaMerged, &d.Merged}, {metaOrdered, &d.Ordered}, {metaGrades, &d.Grades}, {metaOperating, &d.Operating}} {
		if text, ok := onnx.Metadata(m, field.key); ok {
			if err := json.Unmarshal([]byte(text), field.to); err != nil {
				return nil, fmt.Errorf("metadata %q: %w", field.key, err)
			}
		}
	}
	d.Positive, _ = onnx.Metadata(m, metaPositive)
	rule, _ := onnx.Metadata(m, metaResizeRule)
	d.Resize = data.ResizeRule(rule)
	text, _ := onnx.Metadata(m, metaProbabilities)
	d.Half = text == "fp16"
	if text, _ := onnx.Metadata(m, metaImage); text == "raw" {
		d.Raw = true
	}
	d.Crop = cmp.Or(d.Crop, data.EvalTransform{Size: d.Size, Resize: d.Resize}.Fraction())
	d.Output, d.Scores = Logits, Logits
	if !hasOutput(m, Logits) { // exported from a model that has none
		d.Output, d.Scores = Probabilities, Probabilities
	}
	return d, nil
}

func hasOutput(m *pb.ModelProto, name string) bool {
	return slices.ContainsFunc(m.GetGraph().GetOutput(), func(v *pb.ValueInfoProto) bool { return v.GetName() == name })
}

// Normalisation reads mean and standard deviation of the images that a model was trained on, by the keys "mean" and
// "std", off its metadata, where they are.
func Normalisation(metadata func(key string) (string, bool)) map[string][3]float32 {
	found := map[string][3]float32{}
	for name, key := range map[string]string{"mean": metaMean, "std": metaStd} {
		var values [3]float32
		if text, ok := metadata(key); ok && json.Unmarshal([]byte(text), &values) == nil {
			found[name] = values
		}
	}
	return found
}

package imported

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/importer"
	"fovea/internal/numbers"
	"fovea/onnx/weights"
)

// TestClassifiers compares the loss of torchvision's and timm's classifiers, and its gradients with respect to every
// parameter, with PyTorch's, in the form that is trained on the CPU. FOVEA_CLASSIFIERS is the folder that
// tools/oracle/classifiers.py wrote.
func TestClassifiers(t *testing.T) {
	folder := os.Getenv("FOVEA_CLASSIFIERS")
	if folder == "" {
		t.Skip("FOVEA_CLASSIFIERS is not set")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.safetensors"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no gradients in %s: %v", folder, err)
	}
	fmt.Println("| model | export | opset | nodes | gradient's | tensors | loss off | worst gradient | of tensor | seconds |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".safetensors")
		t.Run(name, func(t *testing.T) {
			const tolerance = 1e-3 // of the tensor's largest entry
			start := time.Now()
			c, err := compareClassifier(strings.TrimSuffix(path, ".safetensors")+".onnx", path)
			if err != nil {
				t.Fatal(err)
			}
			model, export, _ := strings.Cut(name, ".")
			fmt.Printf("| %s | %s | %d | %d | %d | %d | %.1e | %.1e | %s | %.0f |\n", model, export, c.opset, c.forward,
				c.all-c.forward,
				c.tensors, c.lossOff, c.worst, c.worstName, time.Since(start).Seconds())
			if !(c.lossOff <= tolerance && c.worst <= tolerance) {
				t.Errorf("loss %.1e, %s %.1e off", c.lossOff, c.worstName, c.worst)
			}
		})
	}
}

type classifier struct {
	opset        int64
	forward, all int // nodes, without and with the gradient
	tensors      int // compared
	lossOff      float64
	worst        float64 // difference, as a part of the tensor's largest entry
	worstName    string
}

// compareClassifier differentiates cross-entropy with respect to everything that the file of gradients has.
func compareClassifier(model, gradients string) (c classifier, err error) {
	want, err := weights.Open(gradients)
	if err != nil {
		return c, err
	}
	defer want.Close()
	f, err := Open(context.Background(), model, importer.Sizes{Batch: 2})
	if err != nil {
		return c, err
	}
	defer f.Close()
	for _, o := range f.model.Proto.GetOpsetImport() {
		if o.GetDomain() == "" {
			c.opset = o.GetVersion()
		}
	}
	m, err := f.Import(importer.Options{Inputs: true})
	if err != nil {
		return c, err
	}
	g, logits := m.Graph, m.Graph.Outputs[0]
	g.Simplify()
	c.forward = len(g.Nodes)
	targets := g.Input("targets", graphs.Float32, logits.Shape...)
	loss := g.Scale(g.ReduceSum(g.Mul(targets, g.LogSoftmax(logits, -1)), false), -1/float64(logits.Shape[0]))
	var wrt []*graphs.Value
	at := f.point(g, func(n int) []float32 { return make([]float32, n) })
	for _, tensor := range want.Tensors {
		if name, ok := strings.CutPrefix(tensor.Name, "grad/"); !ok {
			at[name] = tensor.Data
		} else if v := m.Values[name]; v == nil {
			return c, fmt.Errorf("the graph has no %s", name)
		} else {
			wrt = append(wrt, v)
		}
	}
	found, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{loss: g.Scalar(1)}, wrt)
	if err != nil {
		return c, err
	}
	g.Outputs = nil
	g.Output("loss", loss)
	for i, v := range found {
		if v == nil {
			return c, fmt.Errorf("the loss does not depend on %s", wrt[i].Name)
		}
		g.Output("grad/"+wrt[i].Name, v)
	}
	g.RemoveDead()
	g.Fold()
	c.all = len(g.Nodes)
	g.ForCPU()
	c.worst = -1
	err = runOnce(context.Background(), g, at, func(name string, got []float32) {
		tensor, _ := want.Lookup(name)
		off := difference(got, numbers.Decode[float32](tensor.Data))
		if name == "loss" {
			c.lossOff = off
			return
		}
		c.tensors++
		if !(off <= c.worst) {
			c.worst, c.worstName = off, strings.TrimPrefix(name, "grad/")
		}
	})
	if err == nil && c.tensors != len(wrt) {
		err = fmt.Errorf("%d of %d gradients came out", c.tensors, len(wrt))
	}
	return c, cmp.Or(err, g.Err())
}

// difference returns the largest between two tensors, as a part of the largest entry of the second.
func difference(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	largest, off := 0.0, 0.0
	for i, w := range want {
		largest = max(largest, math.Abs(float64(w)))
		off = max(off, math.Abs(float64(got[i]-w)))
	}
	return off / largest
}

package artifacts

import (
	"fmt"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/vit"
)

// These are the names of inputs and outputs. The images of an imported model keep their name.
const (
	Images        = "images"        // float32 [B,3,S,S], normalised
	Features      = "features"      // float32 [B,F], the input of the head
	Targets       = "targets"       // float32 [B,C]; rows sum to 1, or to the weight of the image's loss
	Teacher       = "teacher"       // float32 [B,C], logits of the teacher, or log-probabilities
	DropPath      = "drop_path"     // float32 [2·depth,B], see vit.Config.Forward
	LossScale     = "loss_scale"    // float32 []
	Loss          = "loss"          // float32 [], mean over the batch, unscaled
	Logits        = "logits"        // float32 [B,C]
	Probabilities = "probabilities" // float32 [B,C]
	gradSuffix    = ".grad"
)

// Grad returns the name of the output that holds the gradient of a parameter.
func Grad(parameter string) string { return parameter + gradSuffix }

// Options of a training graph. The zero value trains every parameter by cross-entropy.
type Options struct {
	Frozen map[string]bool // parameters that get no gradient
	Focal  float64         // gamma of the focal loss; 0 stands for cross-entropy
	Distil *Distillation   // nil: there is no teacher

	// Recompute computes most activations again for the backward pass instead of keeping them: less memory, more time.
	Recompute bool
}

// Training returns the graph of one forward and backward pass at a fixed batch size. Inputs: images, drop_path of a
// ViT, every parameter, targets, loss_scale, and teacher where there is one. Outputs: loss, logits, and NAME.grad of loss × loss_scale for each
// parameter that is not frozen. The backward pass ends at the lowest of these.
func Training(m Model, batch int64, o Options) (*graphs.Graph, error) {
	return train(m, "training", batch, Whole, o)
}

func train(m Model, name string, batch int64, part Part, o Options) (*graphs.Graph, error) {
	f, err := m.Forward(name, batch, part, true)
	if err != nil {
		return nil, err
	}
	g, logits := f.Graph, f.Result
	g.Simplify()
	targets := g.Input(Targets, graphs.Float32, logits.Shape...)
	lossScale := g.Input(LossScale, graphs.Float32)
	var trained []*graphs.Value
	for _, v := range f.Parameters {
		if !o.Frozen[v.Name] {
			trained = append(trained, v)
		}
	}
	loss := meanLoss(g, logits, targets, o.Focal)
	if o.Distil != nil {
		loss = o.Distil.distil(g, loss, logits, g.Input(Teacher, graphs.Float32, logits.Shape...))
	}
	gradients, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{loss: lossScale}, trained)
	if err != nil {
		return nil, err
	}
	if cotangents := []*graphs.Value{lossScale}; o.Recompute {
		g.Recompute(cotangents, g.Keep(cotangents, g.Cuts(g.Inputs[0], logits)))
	}
	g.Output(Loss, loss)
	g.Output(Logits, logits)
	for i, v := range gradients {
		if v == nil {
			return nil, fmt.Errorf("artifacts: the loss does not depend on parameter %s", trained[i].Name)
		}
		gradients[i] = g.Output(Grad(trained[i].Name), v)
	}
	g.RemoveDead()
	g.Fold()
	g.Last(gradients...)
	return g, g.Err()
}

// Eval returns the forward graph with the parameters as inputs, at a fixed batch size: images → logits.
func Eval(m Model, batch int64) (*graphs.Graph, error) {
	return forward(m, "eval", batch, Whole, Logits)
}

func forward(m Model, name string, batch int64, part Part, result string) (*graphs.Graph, error) {
	f, err := m.Forward(name, batch, part, false)
	if err != nil {
		return nil, err
	}
	f.Graph.Output(result, f.Result)
	return f.Graph, f.Graph.Err()
}

// Inference returns the graph of a ViT for any number of images: images → probabilities, logits. The parameters are
// inputs; the caller makes them initializers when it writes the model.
func Inference(c vit.Config) (*graphs.Graph, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := graphs.New("inference")
	images := g.Input(Images, graphs.Float32, graphs.Dynamic, 3, c.ImageSize, c.ImageSize)
	logits := c.Forward(g, images, nil, c.Declare(g))
	g.Output(Probabilities, g.Softmax(logits, -1))
	g.Output(Logits, logits)
	return g, g.Err()
}

package artifacts

import (
	"fmt"

	"fovea/graphs"
	"fovea/graphs/autodiff"
	"fovea/graphs/vit"
)

// Names of inputs and outputs.
const (
	Images        = "images"        // float32 [B,3,S,S], normalised
	Targets       = "targets"       // float32 [B,C], rows sum to 1
	DropPath      = "drop_path"     // float32 [2·depth,B], see vit.Config.Forward
	LossScale     = "loss_scale"    // float32 []
	Loss          = "loss"          // float32 [], mean cross-entropy, unscaled
	Logits        = "logits"        // float32 [B,C]
	Probabilities = "probabilities" // float32 [B,C]
	gradSuffix    = ".grad"
)

// Grad names the output that holds the gradient of a parameter.
func Grad(parameter string) string { return parameter + gradSuffix }

// Training is the graph of one forward and backward pass at a fixed batch
// size. Inputs: images, targets, drop_path, loss_scale, every parameter.
// Outputs: loss, logits, and NAME.grad of loss × loss_scale for each parameter.
func Training(c vit.Config, batch int64) (*graphs.Graph, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("artifacts: batch %d must be 1 or more", batch)
	}
	g := graphs.New("training")
	images := g.Input(Images, graphs.Float32, batch, 3, c.ImageSize, c.ImageSize)
	targets := g.Input(Targets, graphs.Float32, batch, c.Classes)
	dropPath := g.Input(DropPath, graphs.Float32, int64(2*c.Depth), batch)
	lossScale := g.Input(LossScale, graphs.Float32)
	parameters := c.Declare(g)

	logits := c.Forward(g, images, dropPath, parameters)
	loss := crossEntropy(g, logits, targets)

	var wrt []*graphs.Value
	for _, p := range c.Parameters() {
		wrt = append(wrt, parameters[p.Name])
	}
	gradients, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{loss: lossScale}, wrt)
	if err != nil {
		return nil, err
	}
	g.Output(Loss, loss)
	g.Output(Logits, logits)
	for i, v := range gradients {
		if v == nil {
			return nil, fmt.Errorf("artifacts: the loss does not depend on parameter %s", wrt[i].Name)
		}
		gradients[i] = g.Output(Grad(wrt[i].Name), v)
	}
	g.RemoveDead()
	g.Fold()
	g.Last(gradients...)
	return g, g.Err()
}

// crossEntropy is the mean over the batch of -Σ target·log softmax(logits),
// torch.nn.CrossEntropyLoss with class probabilities.
func crossEntropy(g *graphs.Graph, logits, targets *graphs.Value) *graphs.Value {
	logp := g.LogSoftmax(g.Cast(logits, graphs.Float32), -1)
	return g.Scale(g.ReduceSum(g.Mul(targets, logp), false), -1/float64(logits.Shape[0]))
}

// Eval is the forward graph with the parameters as inputs, at a fixed batch
// size: images → logits.
func Eval(c vit.Config, batch int64) (*graphs.Graph, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := graphs.New("eval")
	images := g.Input(Images, graphs.Float32, batch, 3, c.ImageSize, c.ImageSize)
	g.Output(Logits, c.Forward(g, images, nil, c.Declare(g)))
	return g, g.Err()
}

// Inference is the graph that is deployed, for any number of images:
// images → probabilities, logits. The parameters are inputs here; whoever
// writes the model makes them initializers.
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

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
	Features      = "features"      // float32 [B,Width], see vit.Config.Features
	Targets       = "targets"       // float32 [B,C]; rows sum to 1, or to what the image's loss counts
	DropPath      = "drop_path"     // float32 [2·depth,B], see vit.Config.Forward
	LossScale     = "loss_scale"    // float32 []
	Loss          = "loss"          // float32 [], mean over the batch, unscaled
	Logits        = "logits"        // float32 [B,C]
	Probabilities = "probabilities" // float32 [B,C]
	gradSuffix    = ".grad"
)

// Grad names the output that holds the gradient of a parameter.
func Grad(parameter string) string { return parameter + gradSuffix }

// Options of a training graph. The zero value trains every parameter by
// cross-entropy.
type Options struct {
	Frozen map[string]bool // parameters that get no gradient
	Focal  float64         // gamma of the focal loss; 0: cross-entropy
}

// Training is the graph of one forward and backward pass at a fixed batch
// size. Inputs: images, targets, drop_path, loss_scale, every parameter.
// Outputs: loss, logits, and NAME.grad of loss × loss_scale for each parameter
// that is not frozen. The backward pass ends at the lowest of these.
func Training(c vit.Config, batch int64, o Options) (*graphs.Graph, error) {
	if err := check(c, batch); err != nil {
		return nil, err
	}
	g := graphs.New("training")
	images := g.Input(Images, graphs.Float32, batch, 3, c.ImageSize, c.ImageSize)
	targets := g.Input(Targets, graphs.Float32, batch, c.Classes)
	dropPath := g.Input(DropPath, graphs.Float32, int64(2*c.Depth), batch)
	lossScale := g.Input(LossScale, graphs.Float32)
	parameters := c.Declare(g)
	logits := c.Forward(g, images, dropPath, parameters)
	var trained []*graphs.Value
	for _, p := range c.Parameters() {
		if !o.Frozen[p.Name] {
			trained = append(trained, parameters[p.Name])
		}
	}
	return g, differentiate(g, logits, targets, lossScale, trained, o)
}

func check(c vit.Config, batch int64) error {
	if batch < 1 {
		return fmt.Errorf("artifacts: batch %d must be 1 or more", batch)
	}
	return c.Validate()
}

// differentiate adds loss, logits and the gradients of the trained parameters.
func differentiate(g *graphs.Graph, logits, targets, lossScale *graphs.Value, trained []*graphs.Value, o Options) error {
	loss := meanLoss(g, logits, targets, o.Focal)
	gradients, err := autodiff.Backward(g, map[*graphs.Value]*graphs.Value{loss: lossScale}, trained)
	if err != nil {
		return err
	}
	g.Output(Loss, loss)
	g.Output(Logits, logits)
	for i, v := range gradients {
		if v == nil {
			return fmt.Errorf("artifacts: the loss does not depend on parameter %s", trained[i].Name)
		}
		gradients[i] = g.Output(Grad(trained[i].Name), v)
	}
	g.RemoveDead()
	g.Fold()
	g.Last(gradients...)
	return g.Err()
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

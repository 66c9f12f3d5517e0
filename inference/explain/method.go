package explain

import (
	"fmt"
	"slices"
	"strings"
)

// A Method makes a heat map of an image for a class, whose score is what the model gives before a last softmax or
// sigmoid.
type Method string

const (
	// Rollout is attention rollout (Abnar and Zuidema 2020, equation 1): per layer the mean of the heads' attention and
	// the identity, multiplied from the last layer to the first; of it the mean of the rows that the model pools. It is
	// the same for every class. The map is [h,w], of the patches.
	Rollout Method = "rollout"
	// Relevance is attention weighted by its gradient (Chefer, Gur and Wolf, ICCV 2021, equations 5 and 6): R ← R +
	// mean over heads of max(0, A·∂score/∂A)·R, from the identity on, and that taken off; rows and shape as for
	// Rollout.
	Relevance Method = "relevance"
	// GradCAM is max(0, Σ over features of activation · mean gradient) (Selvaraju and others, ICCV 2017), in a model
	// with attention of the tokens that the last attention reads, behind their normalisation, else of the last feature
	// map of convolutions. The map is [h,w], of the patches or the feature map.
	GradCAM Method = "grad-cam"
	// Gradient is ∂score/∂image (Simonyan and others 2013), [3,S,S]; as a picture its largest magnitude over the
	// channels.
	Gradient Method = "gradient"
	// GradientInput is image · ∂score/∂image, [3,S,S]; as a picture its sum over the channels. image is what the model
	// reads, normalised.
	GradientInput Method = "gradient-input"
	// Integrated is integrated gradients (Sundararajan, Taly and Yan 2017) from the image whose every pixel is the mean
	// that images are normalised with, [3,S,S]; as a picture its sum over the channels. All of it adds up to what the
	// score differs from that of the mean image; see [Integral].
	Integrated Method = "integrated"
)

// Methods lists all of them.
var Methods = []Method{Rollout, Relevance, GradCAM, Gradient, GradientInput, Integrated}

// ParseMethods reads names that are separated by commas.
func ParseMethods(text string) ([]Method, error) {
	var out []Method
	for _, name := range strings.Split(text, ",") {
		m := Method(strings.TrimSpace(name))
		if !slices.Contains(Methods, m) {
			return nil, fmt.Errorf("unknown method %q: the methods are %s", name, names(Methods))
		}
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out, nil
}

func names(methods []Method) string {
	var out []string
	for _, m := range methods {
		out = append(out, string(m))
	}
	return strings.Join(out, ", ")
}

// signed reports whether a map has a sign: positive values speak for the class, negative ones against it.
func (m Method) signed() bool { return m == GradientInput || m == Integrated }

// attends reports whether a method reads matrices of attention.
func (m Method) attends() bool { return m == Rollout || m == Relevance }

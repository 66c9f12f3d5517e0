package optim

// A LossScaler keeps small float16 gradients from vanishing: the loss is multiplied by Scale before the backward pass
// and the gradients are divided by it. It grows while gradients stay finite and shrinks when one does not
// (torch.amp.GradScaler with its defaults, as RETFound uses it; Micikevicius et al., 2018).
type LossScaler struct {
	Scale float64 `json:"scale"`
	// Good counts the steps since Scale last changed.
	Good int `json:"good"`
}

// These are PyTorch's defaults.
const (
	initialScale   = 65536
	growthFactor   = 2
	backoffFactor  = 0.5
	growthInterval = 2000
)

// NewLossScaler returns the scaler with which a run begins.
func NewLossScaler() LossScaler { return LossScaler{Scale: initialScale} }

// Update adapts the scale after an optimizer step. skipped says that the step was not taken because a gradient was not
// finite.
func (s *LossScaler) Update(skipped bool) {
	switch {
	case skipped:
		s.Scale *= backoffFactor
		s.Good = 0
	case s.Good+1 == growthInterval:
		s.Scale *= growthFactor
		s.Good = 0
	default:
		s.Good++
	}
}

package training

import (
	"fovea/onnx/ort"
	"fovea/training/optim"
)

// deployed is the arena that is validated and deployed: the moving average of
// the parameters where training.ema asks for one, else the parameters.
func (l *Learner) deployed() *ort.Memory {
	if l.average != nil {
		return l.average
	}
	return l.parameters
}

// startAverage lets the moving average begin at the parameters.
func (l *Learner) startAverage() {
	if l.average != nil {
		copy(l.average.Float32(), l.parameters.Float32())
	}
}

// updateAverage follows an optimizer step. Frozen parameters are their average,
// which rounding would change.
func (l *Learner) updateAverage() {
	if l.average == nil {
		return
	}
	average, parameters := l.average.Float32(), l.parameters.Float32()
	for _, g := range l.groups {
		optim.Average(average[g.Start:g.End], parameters[g.Start:g.End], l.setup.config.Training.EMA,
			l.setup.config.Runtime.Threads)
	}
}

package data

import "fmt"

// OneHot returns the targets [N,C] of labels with label smoothing s, row after row: 1 - s + s/C for the label, s/C
// elsewhere (timm's mixup_target at lambda 1). It returns an error if a label is not in 0 to C-1 or s is not in [0,1).
func OneHot(labels []int, classes int, smoothing float64) ([]float32, error) {
	if !(smoothing >= 0 && smoothing < 1) {
		return nil, fmt.Errorf("label smoothing %g: it must be at least 0 and below 1", smoothing)
	}
	off := smoothing / float64(classes)
	on := 1 - smoothing + off
	targets := make([]float32, len(labels)*classes)
	for i, label := range labels {
		if label < 0 || label >= classes {
			return nil, fmt.Errorf("label %d of sample %d: there are %d classes", label, i, classes)
		}
		row := targets[i*classes : (i+1)*classes]
		for c := range row {
			row[c] = float32(off)
		}
		row[label] = float32(on)
	}
	return targets, nil
}

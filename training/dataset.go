package training

import (
	"fmt"
	"log/slog"
	"slices"

	"fovea/data"
	"fovea/training/config"
)

// openDataset lists the images of a config: with its numbering of classes, and
// of train the share that it uses.
func openDataset(cfg *config.Config) (*data.Dataset, error) {
	set, err := openNumbered(cfg)
	if err != nil {
		return nil, err
	}
	d := cfg.Data
	set.Train.Samples = data.Subset(set.Train.Samples, data.SubsetConfig{Ratio: d.Ratio, Stratified: d.Stratified,
		Seed: uint64(cfg.Seed), Torch: d.Order != "seed"})
	return set, nil
}

func openNumbered(cfg *config.Config) (*data.Dataset, error) {
	if cfg.Data.Numbering == "shared" {
		return data.Open(cfg.Data.Dir)
	}
	set, shifts, err := data.OpenSplitNumbered(cfg.Data.Dir)
	for _, s := range shifts {
		slog.Warn("classes are confused: "+s.String(), "because", `data.numbering is "split"`,
			"remedy", `give every split the same class folders, or set data.numbering = "shared"`)
	}
	return set, err
}

// order is the order of the training images, nil for the loader's own from the
// seed.
func (p *plan) order() data.Order {
	samples := p.train.Samples
	switch d := p.config.Data; {
	case d.Sampling == "balanced":
		return data.Balanced(samples, uint64(p.config.Seed))
	case d.Order != "seed":
		return data.Distributed(len(samples), d.Order == "retfound_fixed")
	}
	return nil
}

// checkClasses looks for classes without an image: what is not in train cannot
// be learned, and what is not in val or test has no AUC there.
func (p *plan) checkClasses() error {
	for _, s := range p.splits() {
		for i, class := range s.Classes {
			if slices.ContainsFunc(s.Samples, func(x data.Sample) bool { return x.Class == i }) {
				continue
			}
			switch {
			case s != p.train && p.config.Evaluation.AbsentClass == "error":
				return fmt.Errorf("%s has no image of class %q, which therefore has no AUC: add some, or set "+
					`evaluation.absent_class = "warn" to leave it out of the mean`, s.Dir, class)
			case s != p.train:
				slog.Warn("a class has no image, its AUC is left out of the mean", "split", s.Dir, "class", class)
			case p.config.Data.Ratio < 1:
				slog.Warn("data.ratio leaves no image of a class, which is not learned", "class", class,
					"remedy", "set data.stratified = true")
			default:
				return fmt.Errorf("%s: no image of class %q is readable", s.Dir, class)
			}
		}
	}
	return nil
}

package training

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"fovea/data"
	"fovea/data/augment"
	"fovea/data/labels"
	"fovea/evaluation"
	"fovea/inference"
	"fovea/internal/progress"
	"fovea/training/collective"
	"fovea/training/config"
)

// A dataset holds the images of a config, and how they become batches.
type dataset struct {
	config           *config.Config
	group            *collective.Group // of processes that train together
	classes          []string
	meaning          evaluation.Meaning  // of the classes, whose numbers are others if data.numbering = "split"
	merged           map[string][]string // the former classes of those that data.classes makes
	train, val, test *data.Split
	table            *labels.Table    // of data.labels; nil: none
	spare            []string         // classes of the table that data.classes merges or leaves out
	division         string           // how the splits were made, in words
	regroup          *data.Regrouping // of the classes that the images have; nil: they stay
	repeated         []data.Repeat    // images that are there twice, from verify on
	policy           *augment.Policy  // nil: none
	cache            *data.Cache      // of decoded images, from verify on; nil: none
	breakdown        evaluation.Breakdown
}

// openDataset lists the images of a config, with its numbering of classes, and of train the fraction that it uses.
func openDataset(cfg *config.Config) (*dataset, error) {
	policy, err := augment.Parse(cfg.Augment.Policy)
	if err != nil {
		return nil, err
	}
	data.LimitPixels(cfg.Data.MaxPixels)
	d := &dataset{config: cfg, group: collective.Local(1)[0], policy: policy}
	if err := d.list(); err != nil {
		return nil, err
	}
	if err := d.arrange(); err != nil {
		return nil, err
	}
	by, err := evaluation.ParseGroupings(cfg.Evaluation.By)
	if err == nil {
		err = evaluation.CheckGroupings(by, d.test.Attributes)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluation.by: %w", err)
	}
	d.breakdown = evaluation.Breakdown{By: by}
	d.logImages()
	if !d.divides() {
		d.takeRatio()
	}
	return d, nil
}

// divides reports whether the splits are made, from what is in all images: the same ones for each data.ratio.
func (d *dataset) divides() bool { return d.table != nil && !d.table.Divided() }

// takeRatio leaves the fraction data.ratio of train.
func (d *dataset) takeRatio() {
	c := d.config.Data
	verified := map[string]data.Fingerprint{}
	for i, f := range d.train.Verified {
		verified[d.train.Samples[i].Path] = f
	}
	d.train.Samples = data.Subset(d.train.Samples, data.SubsetConfig{Ratio: c.Ratio, Stratified: c.Stratified,
		Seed: uint64(d.config.Seed), Torch: c.Order != "seed"})
	if d.train.Verified = nil; len(verified) > 0 {
		for _, x := range d.train.Samples {
			d.train.Verified = append(d.train.Verified, verified[x.Path])
		}
	}
}

func (d *dataset) splits() []*data.Split { return []*data.Split{d.train, d.val, d.test} }

// verify decodes every image before the first step, into the cache if there is one, and makes sure that every class has
// an image left. transform returns that of a split.
func (d *dataset) verify(ctx context.Context, transform func(*data.Split) data.Transform,
	report progress.Func) (err error) {
	c := d.config.Data
	if c.Cache != "" {
		if d.cache, err = data.OpenCache(c.Cache, d.cacheSide()); err != nil {
			return fmt.Errorf("data.cache: %w", err)
		}
	}
	update := report.Images("check images")
	bad, before := &data.Unreadable{}, 0
	for _, s := range d.splits() {
		bad.Total += len(s.Samples)
	}
	for _, s := range d.splits() {
		verified, found, err := d.verifySplit(ctx, s.Samples, transform(s), func(done int) { update(before+done, bad.Total) })
		if err != nil {
			return err
		}
		before += len(s.Samples)
		bad.Images = append(bad.Images, found...)
		s.Samples, s.Verified = data.Readable(s.Samples, found), verified
	}
	report.Of(progress.Update{Task: "compare images"})
	return d.group.Agree(d.judgeImages(bad))
}

// verifySplit is data.Verify, of whose samples each process of the group decodes a share.
func (d *dataset) verifySplit(ctx context.Context, samples []data.Sample, t data.Transform, update func(done int)) (
	verified []data.Fingerprint, bad []data.BadImage, err error) {
	size, round := d.group.Size(), len(samples)
	if size > 1 {
		// Behind each round they look whether one of them is asked to stop.
		most, err := d.group.Max(float64(cmp.Or(d.config.Data.Workers, runtime.GOMAXPROCS(0))))
		if err != nil {
			return nil, nil, err
		}
		round = min(round, 16*int(most)*size)
	}
	for at := 0; at < len(samples); at += round {
		now := samples[at:min(at+round, len(samples))]
		start, end := collective.Share(len(now), d.group.Rank(), size)
		good, failed, err := data.Verify(ctx, now[start:end], d.config.Data.Workers, d.cache, t,
			func(done, _ int) { update(at + min(done*size, len(now))) })
		if err := d.group.Agree(err); err != nil {
			return nil, nil, err
		}
		if size == 1 {
			return good, failed, nil
		}
		text, err := data.EncodeVerified(good, failed)
		if err != nil {
			return nil, nil, err
		}
		parts, err := d.group.GatherBytes(text)
		if err != nil {
			return nil, nil, err
		}
		for rank, part := range parts {
			start, end := collective.Share(len(now), rank, size)
			good, failed, err := data.DecodeVerified(part, now[start:end], at+start, d.cache)
			if err != nil {
				return nil, nil, err
			}
			verified, bad = append(verified, good...), append(bad, failed...)
		}
	}
	return verified, bad, nil
}

// judgeImages decides whether the run goes on without images that cannot be read, and with images that are in several
// splits.
func (d *dataset) judgeImages(bad *data.Unreadable) (err error) {
	c := d.config.Data
	data.LogNotes(d.splits()...)
	if err := bad.LeaveOut(c.Unreadable == "skip", `set data.unreadable = "skip"`); err != nil {
		return err
	}
	if d.table != nil {
		d.table.LeaveOut(bad)
	}
	if d.repeated, err = d.findLeaks(); err != nil {
		return err
	}
	return d.checkClasses()
}

// checkClasses looks for classes without an image: what is not in train cannot be learned, and what is not in val or
// test has no AUC there.
func (d *dataset) checkClasses() error {
	for _, s := range d.splits() {
		if len(s.Samples) == 0 {
			return fmt.Errorf("%s has no image: give it a share in data.split, or images in the table", s)
		}
		for i, class := range s.Classes {
			if slices.ContainsFunc(s.Samples, func(x data.Sample) bool { return x.Class == i }) {
				continue
			}
			switch {
			case s != d.train && d.config.Evaluation.AbsentClass == "error":
				return fmt.Errorf("%s has no image of class %q, which therefore has no AUC: add some, or set "+
					`evaluation.absent_class = "warn" to leave it out of the mean`, s, class)
			case s != d.train:
				slog.Warn("a class has no image, its AUC is left out of the mean", "split", s.Name, "class", class)
			case d.config.Data.Ratio < 1:
				slog.Warn("data.ratio leaves no image of a class, which is not learned", "class", class,
					"remedy", "set data.stratified = true")
			default:
				return fmt.Errorf("%s: no image of class %q is readable", s, class)
			}
		}
	}
	return nil
}

// digests identify the images of each split, by path and class: with other images a resumed run would not be the same.
func (d *dataset) digests() map[string]string {
	out := map[string]string{}
	for _, s := range d.splits() {
		sum := sha256.New()
		for _, x := range s.Samples {
			path, err := filepath.Rel(s.Dir, x.Path)
			if err != nil {
				path = x.Path
			}
			class := strconv.Itoa(x.Class)
			if d.table != nil { // which may call the same classes by other names
				class = s.Classes[x.Class]
			}
			fmt.Fprintf(sum, "%s\x00%s\n", filepath.ToSlash(path), class)
		}
		out[s.Name] = hex.EncodeToString(sum.Sum(nil))
	}
	return out
}

// sameEverywhere reports an error if not all processes list the same images: each takes a share of them by position.
func (d *dataset) sameEverywhere() error {
	if d.group.Size() == 1 {
		return nil
	}
	own := d.digests()
	first, err := collective.Tell(d.group, func() (map[string]string, error) { return own, nil })
	if err != nil {
		return err
	}
	for _, s := range d.splits() {
		if own[s.Name] != first[s.Name] {
			err = fmt.Errorf("%s is not what the first process has there: give all processes the same data", s)
		}
	}
	return d.group.Agree(err)
}

// contents identifies what is in the images of each split, 8 bytes for each in their order: 4 of the digest of the file,
// 4 of that of its pixels. Another program may read other pixels from the same file.
func (d *dataset) contents() map[string][]byte {
	out := map[string][]byte{}
	for _, s := range d.splits() {
		var all []byte
		for _, f := range s.Verified {
			all = append(append(all, f.File[:4]...), f.Pixels[:4]...)
		}
		out[s.Name] = all
	}
	return out
}

// checkContents reports an error if the images of a split, of which only the paths are known to be the same, do not hold
// what they held before.
func (d *dataset) checkContents(before map[string][]byte) error {
	now := d.contents()
	for _, s := range d.splits() {
		name := s.Name
		changed, first := 0, ""
		for i, x := range s.Samples {
			if !bytes.Equal(now[name][8*i:][:8], before[name][8*i:][:8]) {
				if changed++; changed == 1 {
					first = x.Path
				}
			}
		}
		if changed > 0 {
			return fmt.Errorf("%d of %d images of %s are not those that the run was started with, or this version of Fovea "+
				"reads them otherwise; the first is %s: put them back, or choose another name", changed, len(s.Samples), name,
				first)
		}
	}
	return nil
}

// cacheSide returns the largest shorter side of a kept training image: by default twice the crop's, so that most crops
// are reduced rather than enlarged.
func (d *dataset) cacheSide() int {
	if s := d.config.Data.CacheSide; s > 0 {
		return s
	}
	return max(2*d.config.Data.Size, 512)
}

// order returns the order of the training images, nil for the loader's own from the seed.
func (d *dataset) order() data.Order {
	switch c := d.config.Data; {
	case c.Sampling == "balanced":
		return data.Balanced(d.train.Samples, uint64(d.config.Seed))
	case c.Order != "seed":
		return data.Distributed(len(d.train.Samples), c.Order == "retfound_fixed")
	}
	return nil
}

// loader loads the training images in the order of each epoch: augmented, or the rows of a linear probe's features in
// their place.
func (d *dataset) loader(batch int, features []float32, keep func(batch int) bool) (*data.Loader, error) {
	c := data.LoaderConfig{Samples: d.train.Samples, Verified: d.train.Verified, Batch: batch,
		Workers: d.config.Data.Workers, Seed: uint64(d.config.Seed), Shuffle: true, Order: d.order(), DropLast: true, Keep: keep,
		Targets: d.targets()}
	if features != nil {
		c.Workers, c.Tensors = 1, features
	} else {
		c.Transform, c.Cache = d.trainTransform(), d.cache
	}
	return data.NewLoader(c)
}

// evalLoader loads this process's share of a split in its order, as images are evaluated.
func (d *dataset) evalLoader(split *data.Split, batch int) (*data.Loader, error) {
	return data.NewLoader(data.LoaderConfig{Samples: split.Samples, Verified: split.Verified, Batch: batch,
		Workers: d.config.Data.Workers, Transform: d.evalTransform(), Cache: d.cache,
		Keep: inference.Share(d.group, len(split.Samples), batch)})
}

func (d *dataset) trainTransform() data.Transform {
	c, a := d.config.Data, d.config.Augment
	return data.TrainTransform{Size: c.Size, Scale: a.CropScale, Ratio: a.CropRatio, HorizontalFlip: a.HorizontalFlip,
		VerticalFlip: a.VerticalFlip, QuarterTurns: a.QuarterTurns, Shift: a.Shift,
		Policy: d.policy, ColorJitter: a.ColorJitter, Mean: narrow(c.Mean), Std: narrow(c.Std),
		Erase:   augment.Eraser{Probability: a.Erase, Mode: augment.EraseMode(a.EraseMode), Count: a.EraseCount},
		Reading: data.Reading{White: c.WhiteLevel}}
}

func (d *dataset) evalTransform() data.EvalTransform {
	c := d.config.Data
	t := data.EvalTransform{Size: c.Size, Resize: data.ResizeRule(c.Resize), CropPct: c.CropPct, Mean: narrow(c.Mean),
		Std: narrow(c.Std), Reading: data.Reading{White: c.WhiteLevel}}
	t.CropPct = t.Fraction()
	return t
}

func narrow(x [3]float64) [3]float32 {
	return [3]float32{float32(x[0]), float32(x[1]), float32(x[2])}
}

// targets returns how a batch of training images gets its targets, and whether its images are mixed.
func (d *dataset) targets() *data.Targets {
	a := d.config.Augment
	t := &data.Targets{Classes: len(d.classes), Smoothing: a.Smoothing, Side: d.config.Data.Size,
		Seed: uint64(d.config.Seed)}
	if a.Mixes() {
		t.Mixer = &augment.Mixer{Mixup: a.Mixup, CutMix: a.CutMix, MinMax: a.CutMixMinMax, Probability: a.MixProbability,
			Switch: a.MixSwitch, Mode: augment.MixMode(a.MixMode), Timm09: a.CutMixBox == "timm_0.9"}
	} else if !a.SmoothUnmixed {
		t.Smoothing = 0
	}
	if d.config.Loss.ClassWeights == "balanced" {
		t.Weights = data.BalancedWeights(d.train.Samples, len(d.classes))
	}
	return t
}

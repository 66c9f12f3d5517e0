package training

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
	"fovea/data/labels"
	"fovea/data/splits"
	"fovea/data/store"
	"fovea/evaluation"
	"fovea/internal/durable"
	"fovea/internal/naming"
	"fovea/internal/runfiles"
	"fovea/training/collective"
	"fovea/training/config"
)

// list lists the images of the splits: those of three folders, or those of data.labels.
func (d *dataset) list() error {
	c := d.config.Data
	var set *data.Dataset
	var err error
	switch {
	case store.Remote(c.Dir) && c.Cache == "":
		return fmt.Errorf("data.dir is %s, which is read over a network, but training reads each image in every epoch: set "+
			"data.cache to a folder on this machine", naming.Quote(c.Dir))
	case c.Labels != "":
		return d.listTable()
	case c.Numbering == "shared":
		set, err = data.Open(c.Dir, plainNames(c.Classes)...)
	default:
		var shifts []data.Shift
		set, shifts, err = data.OpenSplitNumbered(c.Dir, plainNames(c.Classes)...)
		for _, s := range shifts {
			slog.Warn("classes are confused: "+s.String(), "because", `data.numbering is "split"`,
				"remedy", `give every split the same class folders, or set data.numbering = "shared"`)
		}
	}
	if err != nil {
		return err
	}
	d.train, d.val, d.test = set.Train, set.Val, set.Test
	d.division = "the folders train, val and test of data.dir"
	if d.train.Packed() {
		d.division = "the archives of train, val and test in data.dir"
	}
	return nil
}

// plainNames returns data.classes if they are names alone, which labels in archives may number. Else it returns nil.
func plainNames(classes []string) []string {
	if slices.ContainsFunc(classes, func(c string) bool { return strings.Contains(c, "=") || strings.HasPrefix(c, "-") }) {
		return nil
	}
	return classes
}

// listTable lists the images of data.labels and divides them.
func (d *dataset) listTable() (err error) {
	c := d.config.Data
	if c.Labels == config.LabelsFromFolders {
		d.table, err = labels.Folders(c.Dir, plainNames(c.Classes))
	} else {
		var columns labels.Columns
		if columns, err = labels.ParseColumns(c.Columns); err == nil {
			d.table, err = labels.Open(c.Labels, c.Dir, labels.Options{Columns: columns, Key: "data.columns"})
		}
	}
	if err != nil {
		return err
	}
	_ = d.table.Log() // a missing image is a warning, which it has logged
	if c.Classes != nil {
		r, err := data.Regroup(d.table.All.Classes, c.Classes)
		if err != nil {
			return fmt.Errorf("data.classes: %w", err)
		}
		d.spare = r.Spare(d.table.All.Classes)
	}
	if d.division, err = d.divide(nil); err == nil {
		slog.Info("splits: " + d.division)
	}
	if text := d.table.NoPatients("data.columns"); err == nil && text != "" {
		slog.Warn(text)
	}
	return err
}

// divide makes the splits of the table, with images that are alike in one.
func (d *dataset) divide(alike [][]int) (how string, err error) {
	c := d.config.Data
	set, how, err := d.table.Divide(labels.Division{Shares: splits.Shares(c.Split), Seed: uint64(c.SplitSeed), Alike: alike,
		Spare: d.spare})
	if err != nil {
		return "", err
	}
	d.train, d.val, d.test = set.Train, set.Val, set.Test
	if d.regroup != nil {
		d.applyClasses()
	}
	return how, nil
}

// separate divides the images of the table again, so that images which repeats found to be alike are in one split. What
// was found out about an image stays.
func (d *dataset) separate(repeats []data.Repeat) error {
	at := map[string]int{} // in the table
	for i, x := range d.table.All.Samples {
		at[x.Path] = i
	}
	old := d.splits()
	var alike [][]int
	for _, r := range repeats {
		var group []int
		for _, f := range r.Files {
			group = append(group, at[old[f.Split].Samples[f.Index].Path])
		}
		alike = append(alike, group)
	}
	verified := map[string]data.Fingerprint{}
	for _, s := range old {
		for i, x := range s.Samples {
			verified[x.Path] = s.Verified[i]
		}
	}
	if _, err := d.divide(alike); err != nil {
		return err
	}
	for _, s := range d.splits() {
		s.Samples = slices.DeleteFunc(s.Samples, func(x data.Sample) bool {
			_, ok := verified[x.Path]
			return !ok // unreadable
		})
		for _, x := range s.Samples {
			s.Verified = append(s.Verified, verified[x.Path])
		}
	}
	slog.Info("images that are nearly identical were put into one split, which gives new splits", "groups", len(alike))
	d.logImages()
	return nil
}

// findLeaks looks for patients and images in more than one split. Where the splits are made, such images are put into
// one. Else data.leakage decides whether they are an error. It returns all images that are there twice.
func (d *dataset) findLeaks() ([]data.Repeat, error) {
	repeats, leaks, err := d.repeats()
	if err != nil {
		return nil, err
	}
	if d.divides() {
		if len(leaks) > 0 {
			if err := d.separate(repeats); err != nil {
				return nil, err
			}
		}
		d.takeRatio()
		if len(leaks) > 0 || d.config.Data.Ratio < 1 { // else the splits are those that were compared
			if repeats, leaks, err = d.repeats(); err != nil {
				return nil, err
			}
		}
	}
	if len(leaks) == 0 {
		return repeats, nil
	}
	found := &data.Leakage{Splits: d.splits(), Leaks: leaks}
	c := d.config
	if c.Data.Leakage == "warn" || c.Data.Leakage == "auto" && d.table == nil {
		slog.Warn(found.Error())
		return repeats, nil
	}
	list := filepath.Join(c.Output.Dir, c.Name+"_leaks.csv")
	return nil, d.group.First(func() error {
		if err := os.MkdirAll(c.Output.Dir, 0o755); err != nil {
			return err
		}
		return errors.Join(
			fmt.Errorf(`%w; %s lists all: move or remove images, or set data.leakage = "warn"`, found, list),
			durable.Write(list, found.Write))
	})
}

// repeats returns the images that are there twice, and those of them, and the patients, that are in several splits. One
// process compares the images for all.
func (d *dataset) repeats() ([]data.Repeat, []data.Leak, error) {
	repeats, err := collective.Tell(d.group, func() ([]data.Repeat, error) {
		var prints [][]data.Fingerprint
		for _, s := range d.splits() {
			prints = append(prints, s.Verified)
		}
		return append(data.Repeats(prints), data.Similar(prints, d.config.Data.Workers)...), nil
	})
	return repeats, data.Leaks(d.splits(), repeats...), err
}

// arrange puts the classes into the order that data.classes says, or that their names mean, and merges some.
func (d *dataset) arrange() error {
	c, known := d.config.Data, d.train.Classes
	said := evaluation.Said{Positive: c.Positive, Ordered: strings.TrimPrefix(c.Ordered, "auto")}
	names := known
	if c.Classes != nil {
		var err error
		if d.regroup, err = data.Regroup(known, c.Classes); err != nil {
			return fmt.Errorf("data.classes: %w", err)
		}
		d.merged, names = d.regroup.Merged, d.regroup.Classes
		said.Order = names
	}
	m, err := evaluation.MeaningOf(names, said)
	if err != nil {
		return fmt.Errorf("the classes of %s: %w", d.train, err)
	}
	if said.Order == nil && c.Numbering == "shared" { // else they are numbered as torchvision does
		if d.regroup, err = data.Regroup(known, m.Classes); err != nil {
			return err
		}
		names = m.Classes
	}
	if d.regroup != nil {
		d.applyClasses()
	}
	d.classes, d.meaning = names, m
	slog.Info(m.How)
	if m.Unknown != "" {
		slog.Warn(m.Unknown)
	}
	return nil
}

func (d *dataset) applyClasses() {
	for _, s := range d.splits() {
		d.regroup.Apply(s)
	}
}

// logImages says how many images each class has in each split, and how many patients there are.
func (d *dataset) logImages() {
	for _, s := range d.splits() {
		counts := make([]int, len(d.classes))
		patients := map[string]bool{}
		for _, x := range s.Samples {
			counts[x.Class]++
			if p := s.Attribute(x, "patient"); p != "" {
				patients[p] = true
			}
		}
		parts := make([]string, len(counts))
		for c, n := range counts {
			parts[c] = fmt.Sprintf("%s %d", d.classes[c], n)
		}
		args := []any{"images", len(s.Samples), "classes", strings.Join(parts, ", ")}
		if len(patients) > 0 {
			args = append(args, "patients", len(patients))
		}
		slog.Info(s.Name, args...)
	}
}

// writeTables writes what became of each image of the table to a run folder.
func (d *dataset) writeTables(folder string) error {
	if d.table == nil {
		return nil
	}
	return errors.Join(durable.Write(filepath.Join(folder, runfiles.Splits), d.table.WriteSplits),
		durable.Write(filepath.Join(folder, runfiles.LeftOut), d.table.WriteLeftOut))
}

// A Survey tells which images a config trains on.
type Survey struct {
	Train, Val, Test *data.Split
	Classes          []string // in their order
	Meaning          string   // what their names mean
	Division         string   // how the splits were made, in words

	set *dataset
}

// NewSurvey lists the images of a config as a run does.
func NewSurvey(cfg *config.Config) (*Survey, error) {
	d, err := openDataset(cfg)
	if err != nil {
		return nil, err
	}
	return &Survey{d.train, d.val, d.test, d.classes, d.meaning.How, d.division, d}, nil
}

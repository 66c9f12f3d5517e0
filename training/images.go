package training

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"fovea/data"
	"fovea/data/labels"
	"fovea/data/splits"
	"fovea/evaluation"
	"fovea/internal/durable"
	"fovea/internal/runfiles"
	"fovea/training/config"
)

// list lists the images of the splits: those of three folders, or those of data.labels.
func (d *dataset) list() error {
	c := d.config.Data
	var set *data.Dataset
	var err error
	switch {
	case c.Labels != "":
		return d.listTable()
	case c.Numbering == "shared":
		set, err = data.Open(c.Dir)
	default:
		var shifts []data.Shift
		set, shifts, err = data.OpenSplitNumbered(c.Dir)
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
	return nil
}

// listTable lists the images of data.labels and divides them.
func (d *dataset) listTable() (err error) {
	c := d.config.Data
	if c.Labels == config.LabelsFromFolders {
		d.table, err = labels.Folders(c.Dir)
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
	if d.division, err = d.divide(nil); err == nil {
		slog.Info("splits: " + d.division)
	}
	return err
}

// divide makes the splits of the table, with images that are alike in one.
func (d *dataset) divide(alike [][]int) (how string, err error) {
	c := d.config.Data
	set, how, err := d.table.Divide(labels.Division{Shares: splits.Shares(c.Split), Seed: uint64(c.SplitSeed), Alike: alike})
	if err != nil {
		return "", err
	}
	d.train, d.val, d.test = set.Train, set.Val, set.Test
	return how, nil
}

// arrange puts the classes into the order that data.classes says, or that their names mean, and merges some.
func (d *dataset) arrange() error {
	c, known := d.config.Data, d.train.Classes
	said := evaluation.Said{Positive: c.Positive, Ordered: strings.TrimPrefix(c.Ordered, "auto")}
	regroup := &data.Regrouping{Classes: known}
	if c.Classes != nil {
		var err error
		if regroup, err = data.Regroup(known, c.Classes); err != nil {
			return fmt.Errorf("data.classes: %w", err)
		}
		d.apply(regroup)
		d.merged = regroup.Merged
		said.Order = regroup.Classes
	} else if c.Numbering == "split" {
		said.Order = known // as torchvision numbers them
	}
	m, err := evaluation.MeaningOf(regroup.Classes, said)
	if err != nil {
		return fmt.Errorf("the classes of %s: %w", d.train, err)
	}
	if said.Order == nil {
		if regroup, err = data.Regroup(known, m.Classes); err != nil {
			return err
		}
		d.apply(regroup)
	}
	d.classes, d.ordered = m.Classes, m.Ordered
	slog.Info(m.How)
	if m.Unknown != "" {
		slog.Warn(m.Unknown)
	}
	return nil
}

func (d *dataset) apply(r *data.Regrouping) {
	for _, s := range d.splits() {
		r.Apply(s)
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

package prepare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
	"fovea/data/labels"
	"fovea/data/splits"
	"fovea/internal/naming"
)

// Own says how a table labels images of one's own.
type Own struct {
	Labels  string // the table, in any form of package labels
	Columns labels.Columns
	Shares  splits.Shares // of train, val and test, as far as the table does not say the splits
	Seed    uint64

	// AllowLeaks accepts a table whose splits share patients or images.
	AllowLeaks bool

	table *labels.Table
	how   string // the splits were made
}

// newOwn reads the table, and all images that it labels. Images that cannot be read are left out and listed.
func newOwn(ctx context.Context, o Options) (*Plan, error) {
	own := *o.Own
	o.Own = &own
	if err := own.Shares.Check(); err != nil {
		return nil, err
	}
	t, err := labels.Open(own.Labels, o.Source, labels.Options{Columns: own.Columns, Key: "-columns"})
	if err != nil {
		return nil, err
	}
	own.table = t
	t.LogDoubts()
	o.Set = &Set{Name: filepath.Base(own.Labels), Fundus: true}
	for _, class := range t.All.Classes {
		if err := checkFolderName(class); err != nil {
			return nil, fmt.Errorf("%s: %w", own.Labels, err)
		}
		o.Set.Classes = append(o.Set.Classes, Class{Folder: class})
	}
	p := &Plan{options: o, source: &source{path: o.Source}}
	if err := p.inspectOwn(ctx); err != nil {
		return nil, err
	}
	if err := p.divideOwn(); err != nil {
		return nil, err
	}
	p.name()
	return p, nil
}

// checkFolderName returns an error if a class cannot be the name of a folder on every system.
func checkFolderName(class string) error {
	switch {
	case strings.ContainsAny(class, `<>:"/\|?*`) || strings.ContainsFunc(class, func(r rune) bool { return r < ' ' }):
		return fmt.Errorf(`the class %.100s cannot be the name of a folder, because of one of <>:"/\|?*: write it differently`,
			naming.Quote(class))
	case strings.HasPrefix(class, ".") || strings.HasSuffix(class, "."):
		return fmt.Errorf("the class %.100s cannot be the name of a folder, because of its full stop: write it differently",
			naming.Quote(class))
	}
	return nil
}

// inspectOwn lists and decodes the images of the table.
func (p *Plan) inspectOwn(ctx context.Context) error {
	t := p.options.Own.table
	for _, s := range t.All.Samples {
		img := &Image{Class: s.Class, Patient: t.All.Attribute(s, "patient"), file: &file{path: t.Relative(s.Path),
			own: s.Path}}
		if t.All.Rows != nil {
			img.attributes = t.All.Rows[s.Row]
		}
		p.Images = append(p.Images, img)
	}
	failed := make([]error, len(p.Images))
	err := each(ctx, len(p.Images), p.options.Progress.Images("read images"), func(i int) error {
		failed[i] = p.Images[i].inspect()
		return nil
	})
	if err != nil {
		return err
	}
	images, samples, given := p.Images, t.All.Samples, t.Given
	p.Images, t.All.Samples, t.Given = nil, nil, nil
	for i, err := range failed {
		if err != nil {
			p.unreadable++
			t.LeftOut = append(t.LeftOut, labels.LeftOut{Name: images[i].file.path, Reason: fmt.Sprintf("%.300v", err)})
			continue
		}
		p.Images, t.All.Samples, t.Given = append(p.Images, images[i]), append(t.All.Samples, samples[i]), append(t.Given, given[i])
	}
	if p.Images == nil {
		return fmt.Errorf("none of the %d images can be read; the first: %w", len(images), failed[0])
	}
	return nil
}

// divideOwn gives each image its split. Images that are the same, or nearly, get one.
func (p *Plan) divideOwn() error {
	own := p.options.Own
	prints := make([]data.Fingerprint, len(p.Images))
	for i, img := range p.Images {
		prints[i] = img.fingerprint
	}
	same := data.Repeats([][]data.Fingerprint{prints})
	p.near = data.Similar([][]data.Fingerprint{prints}, 0)
	var alike [][]int
	for _, repeat := range slices.Concat(same, p.near) {
		if own.AllowLeaks {
			break
		}
		var group []int
		for _, f := range repeat.Files {
			group = append(group, f.Index)
		}
		alike = append(alike, group)
	}
	set, how, err := own.table.Divide(labels.Division{Shares: own.Shares, Seed: own.Seed, Alike: alike})
	if err != nil {
		return err
	}
	own.how = how
	parts := []*data.Split{set.Train, set.Val, set.Test}
	places := map[string]data.Position{} // of files in the splits
	for split, s := range parts {
		if len(s.Samples) == 0 {
			return fmt.Errorf("%s gets no image: give it a share, or images in the table", SplitNames[split])
		}
		for i, x := range s.Samples {
			places[x.Path] = data.Position{Split: split, Index: i}
		}
	}
	p.Sizes = make([]Sizes, len(p.options.Set.Classes))
	for i, img := range p.Images {
		img.Split = places[own.table.All.Samples[i].Path].Split
		p.Sizes[img.Class][img.Split]++
	}
	var repeats []data.Repeat
	for _, r := range slices.Concat(same, p.near) {
		files := slices.Clone(r.Files)
		for i, f := range files {
			files[i] = places[own.table.All.Samples[f.Index].Path]
		}
		slices.SortFunc(files, func(a, b data.Position) int { return a.Split - b.Split })
		repeats = append(repeats, data.Repeat{Files: files, Similar: r.Similar})
	}
	if leaks := data.Leaks(parts, repeats...); len(leaks) > 0 && !own.AllowLeaks {
		return fmt.Errorf("%s: %w; change the splits, or accept this with -allow-leaks", own.Labels,
			&data.Leakage{Splits: parts, Leaks: leaks})
	}
	return nil
}

// reportOwn writes what became of every row and image of the table.
func (p *Plan) reportOwn(b *strings.Builder) {
	t := p.options.Own.table
	counts := map[string]int{}
	for _, l := range t.LeftOut {
		counts[l.Reason]++
	}
	fmt.Fprintf(b, "read: %s\nsplits: %s\n", t.Read, p.options.Own.how)
	fmt.Fprintf(b, "rows %d: used %d, without an image %d, without a label %d, with an unreadable image %d\n", t.Rows,
		len(p.Images), counts[labels.NoImage], counts[labels.NoLabel], p.unreadable)
	fmt.Fprintf(b, "images without a row: %d\n", counts[labels.NoRow])
	if p.written && p.options.Crop {
		fmt.Fprintf(b, "cropped: %d of %d\n", len(p.Images)-len(p.Uncropped), len(p.Images))
	}
	var near problems
	for _, r := range p.near {
		var images []*Image
		for _, f := range r.Files {
			images = append(images, p.Images[f.Index])
		}
		near.add("%s", p.paths(images, " ~ "))
	}
	if len(near) > 0 {
		fmt.Fprintf(b, "nearly identical images, by a cut, a new size, brightness or compression: %d\n%s\n", len(near),
			naming.ErrorText(near))
	}
}

// writeLeftOut writes the table of what is not used, if the images are one's own.
func (p *Plan) writeLeftOut(path string) (err error) {
	if p.options.Own == nil {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := p.options.Own.table.WriteLeftOut(f); err != nil {
		return err
	}
	return f.Sync()
}

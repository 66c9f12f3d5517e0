package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fovea/data"
	"fovea/internal/naming"
	"fovea/internal/progress"
)

// Options configure New.
type Options struct {
	Set    *Set   // nil for images of one's own
	Own    *Own   // nil for a set of the benchmark
	Source string // zip archive or folder; the folder of the images for one's own
	Dest   string // folder to make

	// AnyCount accepts numbers of images other than the published ones. The rules of the splits then apply to the
	// images that were found.
	AnyCount bool
	// Crop writes the smallest square that holds the retina instead of each photograph, as a PNG; see Set.Fundus.
	Crop bool
	// Side is the side in pixels to which larger squares are scaled down; 0 keeps them.
	Side     int
	Progress progress.Func
}

// A Plan assigns each image of a source to a split. The caller closes it.
type Plan struct {
	Images    []*Image // by class, then by SHA-256; one's own in the order of the table
	Sizes     []Sizes  // of each class of the set
	Uncropped []string // paths of the images in which Write found no background

	options    Options
	source     *source
	near       []data.Repeat // of one's own images, by their indices
	unreadable int           // of these
	written    bool
}

// New reads a source completely and decides the splits. It writes nothing.
func New(ctx context.Context, o Options) (_ *Plan, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Own != nil {
		return newOwn(ctx, o)
	}
	src, err := openSource(ctx, o.Source)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			src.close()
		}
	}()
	find := o.Set.find
	if find == nil {
		find = byFolder
	}
	images, err := find(o.Set, src)
	if err != nil {
		return nil, err
	}
	p := &Plan{Images: images, options: o, source: src}
	if p.Sizes, err = o.Set.sizes(images, o.AnyCount); err != nil {
		return nil, err
	}
	if err := inspect(ctx, images, o.Progress.Images("read images")); err != nil {
		return nil, err
	}
	assign(images, p.Sizes)
	p.name()
	return p, nil
}

// Close closes the source and removes temporary files.
func (p *Plan) Close() { p.source.close() }

func (o Options) check() error {
	switch {
	case o.Crop && o.Own == nil && !o.Set.Fundus:
		return fmt.Errorf("%s has no fundus photographs: there is no background to crop away", o.Set.Name)
	case o.Side < 0, o.Side > 0 && !o.Crop:
		return fmt.Errorf("a side of %d pixels: only cropped images are scaled, to 1 pixel or more", o.Side)
	}
	return o.checkDest()
}

// checkDest returns an error if the folder to make exists, or lies in the source, where the next run would find its
// images.
func (o Options) checkDest() error {
	if _, err := os.Lstat(o.Dest); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s exists already: name another folder, or remove it first", o.Dest)
	}
	source, err := filepath.Abs(o.Source)
	if err != nil {
		return err
	}
	dest, err := filepath.Abs(o.Dest)
	if err != nil {
		return err
	}
	if below, err := filepath.Rel(source, dest); err == nil && filepath.IsLocal(below) {
		return fmt.Errorf("%s lies in the source %s, and would count as a part of it: name a folder elsewhere",
			o.Dest, o.Source)
	}
	return nil
}

// name gives every image a name of its own in its class folder, also where case does not count. It is the name in the
// source; where that is taken, a part of the SHA-256 is added.
func (p *Plan) name() {
	type place struct {
		class, split int
		name         string
	}
	taken := map[place]bool{}
	for _, img := range p.Images {
		base := img.file.base()
		ext := filepath.Ext(base)
		stem := strings.TrimSuffix(base, ext)
		if p.options.Crop {
			ext = ".png"
		}
		at := place{img.Class, img.Split, strings.ToLower(stem + ext)}
		plainStem := stem
		for n := 1; taken[at]; n++ {
			if stem = plainStem + "-" + img.SHA256[:16]; n > 1 { // the same file in a third folder
				stem = fmt.Sprintf("%s-%d", stem, n)
			}
			at.name = strings.ToLower(stem + ext)
		}
		taken[at] = true
		img.Name = stem + ext
	}
}

// path returns the path of an image's file below the result, with slashes.
func (p *Plan) path(img *Image) string {
	return SplitNames[img.Split] + "/" + p.options.Set.Classes[img.Class].Folder + "/" + img.Name
}

// Report returns a text for people: the sizes of the splits, torn patients, identical images and other notes.
func (p *Plan) Report() string {
	set := p.options.Set
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d images\n", set.Name, len(p.Images))
	width := len("total")
	for _, c := range set.Classes {
		width = max(width, len(c.Folder))
	}
	fmt.Fprintf(&b, "  %-*s %6s %6s %6s\n", width, "", SplitNames[0], SplitNames[1], SplitNames[2])
	line := func(name string, s Sizes) {
		fmt.Fprintf(&b, "  %-*s %6d %6d %6d\n", width, name, s[Train], s[Val], s[Test])
	}
	for i, c := range set.Classes {
		line(c.Folder, p.Sizes[i])
	}
	line("total", sum(p.Sizes))
	if p.options.Own != nil {
		p.reportOwn(&b)
	}
	p.reportPatients(&b)
	p.reportIdentical(&b)
	for _, n := range p.source.notes {
		fmt.Fprintln(&b, naming.Visible(n))
	}
	if len(p.Uncropped) > 0 {
		lines := problems(p.Uncropped)
		how := "only squared"
		if p.options.Own != nil {
			how = "copied as they are"
		}
		fmt.Fprintf(&b, "not cropped, %s, since no background was found: %d images\n%s\n", how, len(lines),
			naming.ErrorText(lines))
	}
	return b.String()
}

// reportPatients writes the number of patients with both eyes, and lists those whose eyes lie in two splits.
func (p *Plan) reportPatients(b *strings.Builder) {
	if own := p.options.Own; own != nil {
		if text := own.table.NoPatients("-columns"); text != "" {
			fmt.Fprintf(b, "patients: %s\n", text)
		}
	}
	patients := sharing(p.Images, func(img *Image) string { return img.Patient })
	if len(patients) == 0 {
		return
	}
	var apart problems
	for _, images := range patients {
		if torn(images) {
			apart.add("patient %s: %s", images[0].Patient, p.paths(images, ", "))
		}
	}
	several := "both eyes"
	if p.options.Own != nil {
		several = "several images"
	}
	fmt.Fprintf(b, "patients with %s: %d, of which in two splits: %d\n", several, len(patients), len(apart))
	if len(apart) > 0 {
		fmt.Fprintln(b, apart)
	}
}

// reportIdentical lists images with the same pixels: first those in different splits, then those with different labels,
// then the others.
func (p *Plan) reportIdentical(b *strings.Builder) {
	var apart, contradictory, others problems
	for _, images := range sharing(p.Images, func(img *Image) string { return string(img.fingerprint.Pixels[:]) }) {
		lines := &others
		switch {
		case torn(images):
			lines = &apart
		case images[0].Class != images[len(images)-1].Class:
			lines = &contradictory
		}
		lines.add("%s", p.paths(images, " = "))
	}
	for _, part := range []struct {
		title string
		lines problems
	}{
		{"identical images in different splits, which the sizes or the official test demand", apart},
		{"identical images with different labels, kept in one split", contradictory},
		{"identical images, kept in one split", others},
	} {
		if len(part.lines) > 0 {
			fmt.Fprintf(b, "%s: %d\n%s\n", part.title, len(part.lines), naming.ErrorText(part.lines))
		}
	}
}

// paths returns the paths of images, joined by a separator.
func (p *Plan) paths(images []*Image, separator string) string {
	var paths []string
	for _, img := range images {
		paths = append(paths, p.path(img))
	}
	return strings.Join(paths, separator)
}

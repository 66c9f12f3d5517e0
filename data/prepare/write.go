package prepare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"fovea/data"
	"fovea/data/labels"
	"fovea/internal/durable"
	"fovea/internal/runfiles"
	"fovea/internal/table"
)

// manifestFile lists the images of a result. Its columns are split, class, file, patient, source and sha256. For images
// of one's own it has all attributes of their table in the place of patient, and package labels reads it again.
const manifestFile = "manifest.csv"

// Write makes the folder Options.Dest. It appears only when it is complete; after an error there is none.
func (p *Plan) Write(ctx context.Context) (err error) {
	dest := filepath.Clean(p.options.Dest)
	parent := filepath.Dir(dest)
	defer func() {
		if err != nil {
			err = fmt.Errorf("making %s: %w", dest, err)
		}
	}()
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, "."+filepath.Base(dest)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // which has another name by then if all went well
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := p.fill(ctx, fresh); err != nil {
		return err
	}
	if err := p.verify(fresh); err != nil {
		return err
	}
	if _, err := os.Lstat(dest); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("it has appeared meanwhile: %w", fs.ErrExist)
	}
	if err := os.Rename(fresh, dest); err != nil {
		return err
	}
	return durable.SyncFolder(parent)
}

// fill writes and syncs all files and folders below dir.
func (p *Plan) fill(ctx context.Context, dir string) error {
	folders := []string{dir}
	for _, split := range SplitNames {
		folders = append(folders, filepath.Join(dir, split))
		for _, c := range p.options.Set.Classes {
			folder := filepath.Join(dir, split, c.Folder)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			folders = append(folders, folder)
		}
	}
	var mu sync.Mutex // guards p.Uncropped
	p.Uncropped = nil
	err := each(ctx, len(p.Images), p.options.Progress.Images("write images"), func(i int) error {
		img := p.Images[i]
		content, ok, err := p.output(img)
		if err != nil {
			return err
		}
		if !ok {
			mu.Lock()
			if p.options.Own != nil {
				img.Name = strings.TrimSuffix(img.Name, ".png") + filepath.Ext(img.file.base())
			}
			p.Uncropped = append(p.Uncropped, p.path(img))
			mu.Unlock()
		}
		return writeFile(filepath.Join(dir, filepath.FromSlash(p.path(img))), content)
	})
	if err != nil {
		return err
	}
	slices.Sort(p.Uncropped)
	p.written = true
	manifest, err := p.manifest()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, manifestFile), manifest); err != nil {
		return err
	}
	if err := p.writeLeftOut(filepath.Join(dir, runfiles.LeftOut)); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := durable.SyncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// output returns the content to write for an image. ok is false if it was to be cropped and no background was found.
func (p *Plan) output(img *Image) (content []byte, ok bool, err error) {
	if content, err = img.file.read(); err != nil {
		return nil, false, err
	}
	if digest := sha256.Sum256(content); hex.EncodeToString(digest[:]) != img.SHA256 {
		return nil, false, fmt.Errorf("%s has changed meanwhile: start again", img.file.path)
	}
	if !p.options.Crop {
		return content, true, nil
	}
	decoded, err := data.DecodeBytes(content)
	if err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", img.file.path, err)
	}
	square, ok := cropFundus(decoded)
	if !ok && p.options.Own != nil {
		return content, false, nil
	}
	var b bytes.Buffer
	err = png.Encode(&b, shrink(square, p.options.Side))
	return b.Bytes(), ok, err
}

// manifest returns the content of manifestFile.
func (p *Plan) manifest() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	attributes := []string{"patient"}
	if p.options.Own != nil {
		attributes = p.options.Own.table.All.Attributes
	}
	rows := [][]string{slices.Concat([]string{"split", "class", "file"}, labels.Escaped(attributes), []string{"source", "sha256"})}
	images := slices.Clone(p.Images)
	slices.SortStableFunc(images, func(a, b *Image) int { return a.Split - b.Split })
	for _, img := range images {
		values := []string{img.Patient}
		if p.options.Own != nil {
			values = img.attributes
		}
		rows = append(rows, slices.Concat([]string{SplitNames[img.Split],
			table.Escape(p.options.Set.Classes[img.Class].Folder), table.Escape(p.path(img))}, labels.Escaped(values),
			[]string{table.Escape(img.Source), img.SHA256}))
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}

// verify opens the result as training does, and compares the numbers of images.
func (p *Plan) verify(dir string) error {
	d, err := data.Open(dir)
	if err != nil {
		return err
	}
	for split, s := range []*data.Split{d.Train, d.Val, d.Test} {
		if want := sum(p.Sizes)[split]; len(s.Samples) != want {
			return fmt.Errorf("%s has %d images instead of %d: was it changed meanwhile?",
				SplitNames[split], len(s.Samples), want)
		}
	}
	return nil
}

// writeFile makes a new file with a content and syncs it.
func writeFile(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

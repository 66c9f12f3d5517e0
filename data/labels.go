package data

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"fovea/internal/naming"
	"fovea/internal/regular"
	"fovea/internal/table"
)

// OpenLabels lists the images that a table labels, a CSV file or a workbook in any form of [table.NewReader]. Its header
// names the columns path and label, in any order; other columns are ignored. Paths are absolute or relative to dir.
// Labels are names or, if all of them are, indices of the classes. The samples are in the file's order; the classes are
// those that occur, sorted. Names may be unknown. It returns an error, which names the line, if a path or a label is empty or a path occurs
// twice.
func OpenLabels(file, dir string, classes []string) (*Split, error) {
	f, err := regular.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	defer f.Close()
	s, err := readLabels(f, dir, classes)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %s: %w", file, err)
	}
	s.Dir = file
	return s, nil
}

func readLabels(r io.Reader, dir string, classes []string) (*Split, error) {
	in, err := table.OpenLabels(r)
	if err != nil {
		return nil, err
	}
	s := &Split{}
	var labels table.LabelSet
	lines := map[string]string{}
	for {
		p, l, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch before := lines[p]; {
		case strings.TrimSpace(p) == "" || strings.TrimSpace(l) == "":
			return nil, fmt.Errorf("%s: path %.100q and label %.100q: neither may be empty", in.Place(), p, l)
		case before != "":
			return nil, fmt.Errorf("%s: %.300s stands in %s already", in.Place(), p, before)
		}
		lines[p] = in.Place()
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, filepath.FromSlash(p))
		}
		s.Samples = append(s.Samples, Sample{Path: naming.Locate(p), Class: labels.Add(l, in.WhereLabel)})
	}
	if s.Samples == nil {
		return nil, errors.New("it labels no image")
	}
	names, err := labels.Names(classes)
	if err != nil {
		return nil, err
	}
	s.Classes = slices.Compact(slices.Sorted(slices.Values(names)))
	for i, sample := range s.Samples {
		s.Samples[i].Class, _ = slices.BinarySearch(s.Classes, names[sample.Class])
	}
	return s, nil
}

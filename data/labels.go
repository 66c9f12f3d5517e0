package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// OpenLabels lists the images that a CSV file labels. Its header names the columns path and label, in any order; other
// columns are ignored. Paths are absolute or relative to dir. The samples are in the file's order, the classes are
// sorted. It returns an error, which names the line, if a path or a label is empty or a path occurs twice.
func OpenLabels(file, dir string) (*Split, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	s, err := readLabels(content, dir)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %s: %w", file, err)
	}
	s.Dir = file
	return s, nil
}

func readLabels(content []byte, dir string) (*Split, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // spreadsheets put this mark in front
	in := csv.NewReader(bytes.NewReader(content))
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, err
	}
	path, label := slices.Index(header, "path"), slices.Index(header, "label")
	if path < 0 || label < 0 {
		return nil, fmt.Errorf("line 1: the columns are %q, but path and label are needed", header)
	}
	s := &Split{}
	var labels []string
	lines := map[string]int{}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		p, l := strings.Clone(record[path]), strings.Clone(record[label]) // the reader uses their memory again
		switch {
		case p == "" || l == "":
			return nil, fmt.Errorf("line %d: path %q and label %q: neither may be empty", line, p, l)
		case lines[p] > 0:
			return nil, fmt.Errorf("line %d: %s stands in line %d already", line, p, lines[p])
		}
		lines[p] = line
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, filepath.FromSlash(p))
		}
		s.Samples = append(s.Samples, Sample{Path: p})
		labels = append(labels, l)
	}
	if labels == nil {
		return nil, errors.New("it labels no image")
	}
	s.Classes = slices.Compact(slices.Sorted(slices.Values(labels)))
	for i, l := range labels {
		s.Samples[i].Class, _ = slices.BinarySearch(s.Classes, l)
	}
	return s, nil
}

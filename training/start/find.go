package start

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fovea/data"
	"fovea/training/config"
)

// find returns data.dir and data.labels for a path: a folder of splits, a folder of classes, a folder of images with a
// table, or the table. labels names the table, or is "".
func find(path, labels string) (dir, table string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", fmt.Errorf("no folder %s: name the folder of the images (%w)", path, err)
	}
	if !info.IsDir() {
		if !isTable(path) {
			return "", "", fmt.Errorf("%s is neither a folder of images nor a table (%s): name the folder that it lies in", path,
				strings.Join(tables, " "))
		}
		return filepath.Dir(path), path, nil
	}
	if labels != "" {
		return path, labels, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", "", err
	}
	var folders, found, archives []string
	for _, e := range entries {
		full := filepath.Join(path, e.Name())
		switch info, err := os.Stat(full); {
		case err != nil || strings.HasPrefix(e.Name(), "."):
		case info.IsDir():
			folders = append(folders, e.Name())
		case isTable(full):
			found = append(found, full)
		case filepath.Ext(full) == ".tar":
			archives = append(archives, full)
		}
	}
	isSplit := func(name string) bool {
		return slices.Contains(folders, name) || data.SplitArchives(path, name) != nil
	}
	switch {
	case isSplit("train") || isSplit("val") && isSplit("test"):
		return path, "", nil // what is missing, data.Open says
	case len(found) == 1:
		return path, found[0], nil
	case len(found) > 1:
		return "", "", fmt.Errorf("%s holds %d tables, %s and others: say with -labels which one has the labels", path,
			len(found), found[0])
	case len(folders) == 0 && len(archives) == 0:
		return "", "", fmt.Errorf("%s holds neither folders of classes nor a table of labels (%s): put the images of each "+
			"class into a folder with its name, or name a table with -labels", path, strings.Join(tables, " "))
	}
	return path, config.LabelsFromFolders, nil
}

var tables = []string{".csv", ".tsv", ".xlsx", ".parquet"}

func isTable(path string) bool { return slices.Contains(tables, strings.ToLower(filepath.Ext(path))) }

// explain adds to an error about images what often is behind it: DICOM files, which hold an image each.
func explain(err error, dir string) error {
	first, n := "", 0
	filepath.WalkDir(dir, func(path string, e os.DirEntry, failed error) error {
		if failed == nil && !e.IsDir() && slices.Contains([]string{".dcm", ".dicom"}, strings.ToLower(filepath.Ext(path))) {
			if n++; n == 1 {
				first = path
			}
		}
		return nil
	})
	if n == 0 {
		return err
	}
	return fmt.Errorf("%d files are DICOM, such as %s, which this version does not train on: save their images as PNG with "+
		"the same names, for example with dcm2img of DCMTK: %w", n, first, err)
}

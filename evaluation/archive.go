package evaluation

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fovea/internal/regular"
	"fovea/internal/runfiles"
	"fovea/internal/table"
)

const secondsColumn = "seconds"

var archiveFile = runfiles.Metrics("test")

// ReadArchive reads the results of other frameworks from the files FRAMEWORK/DATASET/metrics_test.csv below dir,
// ordered by framework and data set. A file has a header with any of the columns of [WriteMetrics], in any order, and
// perhaps seconds, the run's duration; other columns are not read. An empty cell is a figure that is not known. Of
// several rows the last counts, since RETFound appends the latest run. Errors name file, line and column.
func ReadArchive(dir string) ([]Outcome, error) {
	files, err := fs.Glob(os.DirFS(dir), path.Join("*", "*", archiveFile))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no file FRAMEWORK/DATASET/%s in %s", archiveFile, dir)
	}
	var out []Outcome
	for _, name := range files {
		parts := strings.Split(name, "/")
		o := Outcome{Framework: parts[0], Dataset: parts[1]}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := o.readFile(file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, o)
	}
	return out, nil
}

func (o *Outcome) readFile(file string) error {
	f, err := regular.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return o.read(f)
}

// read sets the metrics and the duration from the last row.
func (o *Outcome) read(r io.Reader) error {
	in, err := table.NewReader(r, table.Options{Fits: hasMetric})
	if err != nil {
		return err
	}
	if !hasMetric(in.Header) {
		return fmt.Errorf("line 1: none of the columns %.300q is a metric, such as accuracy, f1, roc_auc or kappa",
			strings.Join(in.Header, ","))
	}
	for {
		record, err := in.Read()
		if err == io.EOF && o.Metrics == nil {
			return fmt.Errorf("there is no row below the header")
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		o.Metrics = map[string]float64{}
		for i, name := range in.Header {
			if !isMetric(name) && name != secondsColumn || table.Missing(record[i]) {
				continue
			}
			if o.Metrics[name], err = in.Number(record[i]); err != nil {
				return fmt.Errorf("%s: %w", in.Where(i), err)
			}
		}
	}
	o.Duration = time.Duration(o.Metrics[secondsColumn] * float64(time.Second))
	delete(o.Metrics, secondsColumn)
	return nil
}

// ReadMetricRow reads a file such as [ReadArchive] does and returns the metrics of its last row by name, those that are
// known and finite.
func ReadMetricRow(r io.Reader) (map[string]float64, error) {
	var o Outcome
	err := o.read(r)
	maps.DeleteFunc(o.Metrics, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	return o.Metrics, err
}

func hasMetric(header []string) bool { return slices.ContainsFunc(header, isMetric) }

func isMetric(name string) bool {
	return slices.Contains(columnNames(), name)
}

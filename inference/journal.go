package inference

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"fovea/data"
	"fovea/data/tars"
	"fovea/internal/regular"
	"fovea/models/trained"
)

// A Journal keeps the results of a stream in a file, so that a stream that was killed can go on where it was. The first
// line of JSON names the source of the results; each other line is one sample. A line that was cut short is not read.
type Journal struct {
	file    *os.File
	out     *bufio.Writer
	samples []data.Sample
	classes []string
}

type journalLine struct {
	Path          string    `json:"path"`
	Probabilities []float64 `json:"probabilities,omitempty"`
	Error         string    `json:"error,omitempty"`

	// Of the file when its result was written; 0: not known.
	Size     int64 `json:"size,omitempty"`
	Modified int64 `json:"modified,omitempty"` // nanoseconds
}

// see sets the size and time of the file.
func (l *journalLine) see(path string) {
	l.Size, l.Modified = 0, 0
	if info, err := tars.Stat(path); err == nil {
		l.Size, l.Modified = info.Size(), info.ModTime().UnixNano()
	}
}

// Source is what results depend on beside the images.
type Source struct {
	Digest      string      `json:"digest"` // of the model file, see [Digest]
	Description Description `json:"description"`
	Half        bool        `json:"half"`
	Batch       int         `json:"batch"`
	Provider    string      `json:"provider"`
}

// Digest returns the SHA-256 of a model file and of the data files beside it that it names.
func Digest(path string) (string, error) { return trained.Digest(path) }

// OpenJournal starts the journal of a stream of samples. With resume it returns the results that the file has, of whole
// batches; it is an error if they are those of another source or of other samples, also of files that were replaced. Without, and where there is no file,
// there are none.
func OpenJournal(path string, source Source, samples []data.Sample, resume bool) (*Journal, []Result, error) {
	head, err := json.Marshal(source)
	if err != nil {
		return nil, nil, err
	}
	mode := os.O_RDWR | os.O_CREATE
	if !resume {
		mode |= os.O_TRUNC
	}
	if info, err := os.Stat(path); err == nil {
		if err := regular.Check(path, info); err != nil {
			return nil, nil, err
		}
	}
	f, err := os.OpenFile(path, mode, 0o644)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{file: f, out: bufio.NewWriter(f), samples: samples, classes: source.Description.Classes}
	results, err := j.read(append(head, '\n'), source.Batch)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("resuming from %s: %w", path, err)
	}
	return j, results, nil
}

// read leaves the file's end where the next line belongs.
func (j *Journal) read(head []byte, batch int) ([]Result, error) {
	in := bufio.NewReader(j.file)
	first, err := in.ReadBytes('\n')
	if errors.Is(err, io.EOF) { // nothing, or killed while it began
		if err := j.cut(0); err != nil {
			return nil, err
		}
		j.out.Write(head)
		return nil, j.out.Flush()
	}
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, head) {
		return nil, errors.New("it was begun with another model, preprocessing, batch or provider: " +
			"leave out -resume to start again")
	}
	var results []Result
	ends := []int64{int64(len(first))} // of whole batches
	at := ends[0]
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		var l journalLine
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("result %d: %w: remove the file to start again", len(results)+1, err)
		}
		// JSON writes bytes of a name that are not UTF-8 as replacement characters.
		if len(results) == len(j.samples) || l.Path != string([]rune(j.samples[len(results)].Path)) {
			return nil, fmt.Errorf("result %d is of %s, but the images are others now: leave out -resume to start again",
				len(results)+1, l.Path)
		}
		now := l
		if now.see(j.samples[len(results)].Path); l.Modified != 0 && (now.Size != l.Size || now.Modified != l.Modified) {
			return nil, fmt.Errorf("%s was replaced after its result had been written: leave out -resume to start again",
				l.Path)
		}
		if classes := len(j.classes); l.Error == "" && len(l.Probabilities) != classes {
			return nil, fmt.Errorf("result %d has %d probabilities for %d classes: remove the file to start again",
				len(results)+1, len(l.Probabilities), classes)
		}
		r := Result{Index: len(results), Probabilities: l.Probabilities}
		if l.Error != "" {
			r.Err = errors.New(l.Error)
		}
		results = append(results, r)
		if at += int64(len(line)); len(results)%batch == 0 || len(results) == len(j.samples) {
			ends = append(ends, at)
		}
	}
	if err := j.cut(ends[len(ends)-1]); err != nil {
		return nil, err
	}
	if len(results) < len(j.samples) {
		results = results[:len(results)/batch*batch]
	}
	return results, nil
}

func (j *Journal) cut(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return err
	}
	_, err := j.file.Seek(size, io.SeekStart)
	return err
}

// Append adds results that follow the ones before.
func (j *Journal) Append(results []Result) error {
	lines := json.NewEncoder(j.out)
	for _, r := range results {
		l := journalLine{Path: j.samples[r.Index].Path, Probabilities: r.Probabilities}
		if r.Err != nil {
			l.Error = r.Err.Error()
		}
		l.see(l.Path)
		if err := checkFinite(l.Probabilities); err != nil {
			return fmt.Errorf("%s: %w", l.Path, err)
		}
		if err := lines.Encode(l); err != nil {
			return fmt.Errorf("%s: %w", j.file.Name(), err)
		}
	}
	return j.out.Flush()
}

// Close leaves the file for a stream that goes on.
func (j *Journal) Close() error { return j.file.Close() }

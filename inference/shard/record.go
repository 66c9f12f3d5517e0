package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"fovea/data/pixels"
	"fovea/internal/durable"
	"fovea/internal/regular"
	"fovea/onnx/engine"
)

// A Record says of what the files of a shard are a part. It lies beside the first of them, and only when they are
// complete.
type Record struct {
	Command string `json:"command"` // predict, eval or features
	Shard
	Images  int             `json:"images"`     // of the whole list
	Batch   int             `json:"batch"`      // images in a forward pass
	List    string          `json:"list"`       // digest of the whole list, see [List]
	Model   string          `json:"model"`      // SHA-256 of the model file
	Pixels  int             `json:"max_pixels"` // of the largest image
	Options json.RawMessage `json:"options"`
	Host    engine.Host     `json:"host"`
	Files   []File          `json:"files"`
}

// A File is a part of a result.
type File struct {
	Name   string `json:"name"` // in the folder of the record
	SHA256 string `json:"sha256"`
	Header int64  `json:"header"` // bytes before the first row
	path   string
}

// RecordFile returns the name of the record of a shard's file.
func RecordFile(path string) string { return path + ".shard.json" }

// Begin removes the record of a shard that is written again.
func Begin(path string) error {
	if err := os.Remove(RecordFile(path)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// Finish writes the record of complete files, of which headers has the bytes before the first row. options may be any
// value that JSON can hold: shards with other options do not merge.
func (r Record) Finish(options any, headers []int64, paths ...string) error {
	var err error
	if r.Options, err = json.Marshal(options); err != nil {
		return err
	}
	r.Files, r.Pixels = nil, pixels.Limit()
	for i, path := range paths {
		sum, err := digest(path)
		if err != nil {
			return err
		}
		r.Files = append(r.Files, File{Name: filepath.Base(path), SHA256: sum, Header: headers[i]})
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return durable.Write(RecordFile(paths[0]), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

func digest(path string) (string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// A List computes the digest of a list of images: SHA-256 of the texts that say which images they are, each behind its
// length.
type List struct{ sum hash.Hash }

// Add adds texts, such as a path and a class.
func (l *List) Add(texts ...string) {
	if l.sum == nil {
		l.sum = sha256.New()
	}
	for _, t := range texts {
		l.sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(t))))
		io.WriteString(l.sum, t)
	}
}

// Digest returns the digest of what was added.
func (l *List) Digest() string {
	l.Add()
	return hex.EncodeToString(l.sum.Sum(nil))
}

// ListOf returns the digest of paths.
func ListOf(paths []string) string {
	var l List
	for _, p := range paths {
		l.Add(filepath.ToSlash(p))
	}
	return l.Digest()
}

// maxRecord is the size of the largest record, in bytes.
const maxRecord = 4 << 20

// Read reads the record of a shard's file.
func Read(path string) (*Record, error) {
	text, err := regular.ReadFile(RecordFile(path), maxRecord)
	if os.IsNotExist(err) {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s has no record %s beside it: it is no shard, or is not complete; repeat its shard", path,
			filepath.Base(RecordFile(path)))
	}
	if err != nil {
		return nil, err
	}
	r := new(Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w: repeat the shard", RecordFile(path), err)
	}
	_, err = newShard(r.Number, r.Of)
	if err != nil || r.Images < 1 || r.Batch < 1 || r.Pixels < 1 || len(r.Files) == 0 ||
		r.Files[0].Name != filepath.Base(path) {
		return nil, fmt.Errorf("%s is not the record of %s: files of shards keep their names; repeat the shard",
			RecordFile(path), filepath.Base(path))
	}
	for i := range r.Files {
		f := &r.Files[i]
		if filepath.Base(f.Name) != f.Name || f.Header < 0 {
			return nil, fmt.Errorf("%s: the file %.200q is not beside it: repeat the shard", RecordFile(path), f.Name)
		}
		f.path = filepath.Join(filepath.Dir(path), f.Name)
	}
	return r, nil
}

package shard

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"

	"fovea/internal/regular"
)

// Open reads the records of the shards' files and returns them in the order of the shards. All shards of one list, one
// model and the same options must be there, each once. The error says which are missing, which are doubles and what differs.
func Open(paths []string) ([]*Record, error) {
	var all []*Record
	var failed []error
	for _, path := range paths {
		r, err := Read(path)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		all = append(all, r)
	}
	if err := errors.Join(failed...); err != nil || len(all) == 0 {
		return nil, err
	}
	first := all[0]
	for _, r := range all[1:] {
		if err := first.same(r); err != nil {
			failed = append(failed, fmt.Errorf("%s and %s are not shards of one result: %w", first.path(), r.path(), err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b *Record) int { return cmp.Compare(a.Number, b.Number) })
	there := map[int]bool{}
	for i, r := range all {
		if there[r.Number] {
			failed = append(failed, fmt.Errorf("the shard %s is there twice: as %s and as %s", r.Shard, all[i-1].path(),
				r.path()))
		}
		there[r.Number] = true
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	if missing := first.missing(there); missing != "" {
		return nil, fmt.Errorf("%d of %d shards are missing: %s; run each of them with -shard", first.Of-len(there), first.Of,
			missing)
	}
	return all, nil
}

// missing lists the first shards that are not there.
func (r *Record) missing(there map[int]bool) string {
	const most = 20
	var names []string
	for i := 1; i <= r.Of && len(names) <= most; i++ {
		if !there[i] {
			names = append(names, Shard{i, r.Of}.String())
		}
	}
	if len(names) > most {
		names[most] = "and more"
	}
	return strings.Join(names, ", ")
}

func (r *Record) path() string { return r.Files[0].path }

// same returns an error unless b is of the same result as r. Other hosts are a warning.
func (r *Record) same(b *Record) error {
	differ := func(what string, x, y any) error { return fmt.Errorf("%s: %v and %v", what, x, y) }
	switch {
	case r.Command != b.Command:
		return differ("the commands differ", r.Command, b.Command)
	case r.Of != b.Of:
		return differ("the numbers of shards differ", r.Of, b.Of)
	case r.Model != b.Model:
		return differ("the models differ, by their SHA-256", shortDigest(r.Model), shortDigest(b.Model))
	case r.Images != b.Images:
		return differ("the lists of images differ, in their numbers", r.Images, b.Images)
	case r.List != b.List:
		return differ("the lists of images differ, by their SHA-256", shortDigest(r.List), shortDigest(b.List))
	case r.Pixels != b.Pixels:
		return differ("-max-pixels differs", r.Pixels, b.Pixels)
	case len(r.Files) != len(b.Files):
		return differ("the numbers of files differ", len(r.Files), len(b.Files))
	case !bytes.Equal(compact(r.Options), compact(b.Options)):
		return fmt.Errorf("the options differ: %s", strings.Join(differing(r.Options, b.Options), ", "))
	case r.Batch != b.Batch:
		return differ("-batch differs", r.Batch, b.Batch)
	case r.Host != b.Host:
		slog.Warn("the shards were computed by different hosts: the last bits may differ from those of one process",
			"one", r.path(), "host", r.Host, "other", b.path(), "its_host", b.Host, "remedy", "set runtime.threads and "+
				"runtime.provider for all shards, and use one version of ONNX Runtime")
	}
	return nil
}

func shortDigest(digest string) string { return fmt.Sprintf("%.12s", digest) }

func compact(text json.RawMessage) []byte {
	var b bytes.Buffer
	json.Compact(&b, text)
	return b.Bytes()
}

// differing names the options that differ.
func differing(a, b json.RawMessage) (names []string) {
	var x, y map[string]any
	json.Unmarshal(a, &x)
	json.Unmarshal(b, &y)
	both := maps.Clone(x)
	if both == nil {
		both = map[string]any{}
	}
	maps.Copy(both, y)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if !reflect.DeepEqual(x[name], y[name]) {
			names = append(names, fmt.Sprintf("%.60s", name))
		}
	}
	return names
}

// Rows calls do with the rows of one of the shard's files, without its header, which it returns. The error says if the
// file is not the one that the record is about.
func (r *Record) Rows(file int, do func(rows io.Reader) error) (header []byte, err error) {
	f := r.Files[file]
	in, err := regular.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	changed := fmt.Errorf("%s is not as its shard left it, by its SHA-256: repeat the shard %s", f.path, r.Shard)
	sum := sha256.New()
	all := io.TeeReader(in, sum)
	if f.Header > maxRecord {
		return nil, changed
	}
	header = make([]byte, f.Header)
	if _, err := io.ReadFull(all, header); err != nil {
		return nil, changed
	}
	failed := do(all)
	if _, err := io.Copy(io.Discard, all); err != nil {
		return nil, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return nil, changed
	}
	return header, failed
}

// Join writes a file of all shards to w: the header, then the rows of each shard. A nil header stands for that of the
// first shard, which all others must have too.
func Join(w io.Writer, shards []*Record, file int, header []byte) error {
	own := header == nil
	if !own {
		if _, err := w.Write(header); err != nil {
			return err
		}
	}
	for i, r := range shards {
		found, err := r.header(file)
		if err != nil {
			return err
		}
		if own && i == 0 {
			if header = found; len(header) > 0 {
				if _, err := w.Write(header); err != nil {
					return err
				}
			}
		}
		if own && !bytes.Equal(found, header) {
			return fmt.Errorf("%s and %s begin with different headers: repeat one of the shards", shards[0].path(), r.path())
		}
		if _, err := r.Rows(file, func(rows io.Reader) error {
			_, err := io.Copy(w, rows)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// header reads the bytes before the first row.
func (r *Record) header(file int) ([]byte, error) {
	f, err := regular.Open(r.Files[file].path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, min(r.Files[file].Header, maxRecord)))
}

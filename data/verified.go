package data

import (
	"bytes"
	"encoding/gob"
	"errors"
)

// A verifiedForm carries what Verify returns from one process to the others.
type verifiedForm struct {
	Good []Fingerprint
	Bad  []badForm
}

type badForm struct {
	Index int
	Err   string
}

// EncodeVerified encodes what Verify returns for other processes.
func EncodeVerified(good []Fingerprint, bad []BadImage) ([]byte, error) {
	form := verifiedForm{Good: good}
	for _, b := range bad {
		form.Bad = append(form.Bad, badForm{b.Index, b.Err.Error()})
	}
	var out bytes.Buffer
	err := gob.NewEncoder(&out).Encode(form)
	return out.Bytes(), err
}

// DecodeVerified returns what Verify returned in another process for samples. first is the index of the first of them.
// cache, if not nil, learns which entries the files have.
func DecodeVerified(text []byte, samples []Sample, first int, cache *Cache) ([]Fingerprint, []BadImage, error) {
	var form verifiedForm
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&form); err != nil {
		return nil, nil, err
	}
	var bad []BadImage
	for _, b := range form.Bad {
		bad = append(bad, BadImage{Index: b.Index, Sample: samples[b.Index], Err: errors.New(b.Err)})
	}
	if cache != nil {
		for i, x := range Readable(samples, bad) {
			cache.files.LoadOrStore(x.Path, Fingerprint{File: form.Good[i].File})
		}
	}
	for i := range bad {
		bad[i].Index += first
	}
	return form.Good, bad, nil
}

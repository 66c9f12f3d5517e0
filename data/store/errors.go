package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrFailed is wrapped by errors about a store that cannot be used: no answer, no permission, no such bucket, an object
// that changed. Unlike a missing or damaged image such an error says nothing about the image.
var ErrFailed = errors.New("the object store failed")

// An Error is an error about a path of a store.
type Error struct {
	Path   string
	Reason string // what happened and what to do, in one line without secrets
	is     error  // ErrFailed, fs.ErrNotExist or fs.ErrPermission
}

func (e *Error) Error() string { return e.Path + ": " + e.Reason }

// Is reports whether target is ErrFailed or the [fs] error of e's kind.
func (e *Error) Is(target error) bool {
	return target == e.is || target == ErrFailed && e.is != fs.ErrNotExist
}

var errReplaced = errors.New("the object was replaced after it had been listed: start again")

// tooLarge is the error about an object of more bytes.
type tooLarge int64

func (most tooLarge) Error() string {
	return fmt.Sprintf("the file has more than %d bytes, the limit for files of its kind", int64(most))
}

// A fault is what an error says of a request.
type fault struct {
	status int    // of HTTP; 0: there was no answer
	code   string // of the store, such as NoSuchBucket
	server string // that was asked
	bucket bool   // it is the bucket that is not there
	region string // "": not wrong
	access string // how to get permission
	err    error  // of the network
}

// waits lie between the attempts of a request.
var waits = []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
	1600 * time.Millisecond, 3200 * time.Millisecond}

// retry calls do until it succeeds, or fails for a reason that stays, or has been called six times.
func retry(path string, p place, do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		if err == nil {
			return nil
		}
		var large tooLarge
		switch {
		case errors.As(err, &large):
			return &fs.PathError{Op: "read", Path: path, Err: err}
		case errors.Is(err, errReplaced):
			return &Error{path, err.Error(), ErrFailed}
		}
		f := p.fault(err)
		if f.err = network(err); f.status == 0 && !passing(f.err) {
			return &Error{path, Redact(f.err.Error()), ErrFailed}
		}
		if attempt < len(waits) && f.passing() {
			time.Sleep(waits[attempt]/2 + rand.N(waits[attempt]))
			continue
		}
		return f.describe(path, attempt+1)
	}
}

// passing reports whether the request may succeed later.
func (f fault) passing() bool {
	switch f.status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return f.status == 0 && passing(f.err)
}

// passing reports whether err is one of the network.
func passing(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

func (f fault) describe(path string, attempts int) error {
	answer := fmt.Sprintf("%s answered %d", f.server, f.status)
	if f.code != "" && !strings.Contains(f.code, " ") { // else it repeats the status
		answer += " " + f.code
	}
	switch {
	case f.status == 0:
		return &Error{path, fmt.Sprintf("no answer from %s in %d attempts (%s): check the network and the address", f.server,
			attempts, Redact(f.err.Error())), ErrFailed}
	case f.region != "":
		return &Error{path, fmt.Sprintf("the bucket lies in the region %s (%s): set AWS_REGION=%s", f.region, answer,
			f.region), ErrFailed}
	case f.bucket:
		return &Error{path, fmt.Sprintf("there is no such bucket (%s): check its name and the address of the store", answer),
			ErrFailed}
	case f.status == http.StatusNotFound, f.status == http.StatusGone:
		return &Error{path, fmt.Sprintf("there is no such object (%s): check the path", answer), fs.ErrNotExist}
	case f.status == http.StatusForbidden, f.status == http.StatusUnauthorized:
		return &Error{path, fmt.Sprintf("no permission to read it (%s): %s", answer, f.access), fs.ErrPermission}
	case f.passing():
		return &Error{path, fmt.Sprintf("%s in each of %d attempts: try again later", answer, attempts), ErrFailed}
	}
	return &Error{path, answer + ": check the path and the address of the store", ErrFailed}
}

// network returns the cause of an error without the address that was asked, which may hold a signature.
func network(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err
}

// Redact returns the first line of a text, at most 300 bytes, without what stands behind "?" in addresses and without
// the names and passwords before "@".
func Redact(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	words := strings.Fields(text)
	for i, w := range words {
		w, _, cut := strings.Cut(w, "?")
		if scheme, rest, ok := strings.Cut(w, "://"); ok {
			host, path, slash := strings.Cut(rest, "/")
			w = scheme + "://" + host[strings.LastIndexByte(host, '@')+1:]
			if slash {
				w += "/" + path
			}
		}
		if words[i] = w; cut {
			words[i] += "?…"
		}
	}
	return fmt.Sprintf("%.300s", strings.Join(words, " "))
}

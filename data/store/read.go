package store

import (
	"errors"
	"io"
	"os"
	"sync"
)

var (
	mu     sync.Mutex             // guards seen and spools
	seen   = map[string]Version{} // versions of objects that were listed or described, by path
	spools = map[string]*os.File{}
)

// remember keeps the version of a listed object. The first one counts until the process ends.
func remember(path string, v Version) Version {
	mu.Lock()
	defer mu.Unlock()
	if first, there := seen[path]; there {
		return first
	}
	seen[path] = v
	return v
}

func recall(path string) (Version, bool) {
	mu.Lock()
	defer mu.Unlock()
	v, ok := seen[path]
	return v, ok
}

// describe returns the version of an object. It asks the store unless the object was listed.
func describe(path string) (Version, error) {
	if v, ok := recall(path); ok {
		return v, nil
	}
	p, key, err := placeOf(path)
	if err != nil {
		return Version{}, err
	}
	var v Version
	if err := retry(path, p, func() error { v, err = p.stat(key); return err }); err != nil {
		return Version{}, err
	}
	return remember(path, v), nil
}

// readObject returns the content of an object, in one request if no connection ends early.
func readObject(path string, most int64) ([]byte, error) {
	p, key, err := placeOf(path)
	if err != nil {
		return nil, err
	}
	v, known := recall(path)
	var file []byte
	err = retry(path, p, func() error {
		c, err := p.get(key, int64(len(file)), -1)
		if err != nil {
			return err
		}
		defer c.body.Close()
		if known && !v.same(c.version) {
			return errReplaced
		}
		if v, known = c.version, true; v.Size > most {
			return tooLarge(most)
		}
		if c.whole {
			file = file[:0]
		}
		rest := v.Size - int64(len(file))
		if v.Size < 0 {
			rest = most + 1 - int64(len(file))
		} else if file == nil {
			file = make([]byte, 0, v.Size)
		}
		// appends and keeps what came before an error
		file, err = appendAll(file, io.LimitReader(c.body, rest))
		if err == nil && int64(len(file)) < v.Size {
			err = io.ErrUnexpectedEOF
		}
		if int64(len(file)) > most {
			err = tooLarge(most)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

func appendAll(to []byte, in io.Reader) ([]byte, error) {
	for {
		if len(to) == cap(to) {
			to = append(to, 0)[:len(to)]
		}
		n, err := in.Read(to[len(to):cap(to)])
		to = to[:len(to)+n]
		if errors.Is(err, io.EOF) {
			return to, nil
		}
		if err != nil {
			return to, err
		}
	}
}

// An object is an open object. It keeps one response open and reads on in it while that is less work than another
// request.
type object struct {
	path  string
	place place
	key   string

	mu      sync.Mutex // guards what follows
	version Version
	body    io.ReadCloser // nil: no response is open
	at, end int64         // position in body, and its end
	ahead   int64         // bytes of the last part, if it followed the one before
}

func openObject(path string) (File, error) {
	p, key, err := placeOf(path)
	if err != nil {
		return nil, err
	}
	v, err := describe(path)
	if err != nil {
		return nil, err
	}
	o := &object{path: path, place: p, key: key, version: v}
	if v.Size < 0 {
		err = retry(path, p, func() error { return o.ask(0, -1) })
	}
	return o, err
}

func (o *object) Version() Version { return o.version }

func (o *object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.leave()
}

// leave ends the open response.
func (o *object) leave() (err error) {
	if o.body != nil {
		err = o.body.Close()
	}
	o.body = nil
	return err
}

const (
	passOver   = 256 << 10 // bytes that are read and dropped before another request is made, which costs as much time
	firstAhead = 64 << 10  // bytes of the second of two parts that follow one another
	mostAhead  = 8 << 20   // bytes of a part that is asked for beyond what is wanted
)

// ReadAt reads on in the open response, or asks for another part. A part is as long as p, but parts that follow one
// another grow: many small members of an archive share a request.
func (o *object) ReadAt(p []byte, off int64) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if off >= o.version.Size {
		return 0, io.EOF
	}
	wanted := p[:min(int64(len(p)), o.version.Size-off)]
	err = retry(o.path, o.place, func() error {
		for n < len(wanted) {
			m, err := o.readOn(wanted[n:], off+int64(n))
			if n += m; err != nil {
				o.leave()
				return err
			}
		}
		return nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// readOn reads some bytes at off.
func (o *object) readOn(p []byte, off int64) (int, error) {
	if spool := spoolOf(o.path); spool != nil {
		return spool.ReadAt(p, off)
	}
	if o.body == nil || off < o.at || off >= o.end || off-o.at > passOver {
		if follows := o.end > 0 && off >= o.at && off-o.end <= passOver; follows {
			o.ahead = min(max(2*o.ahead, firstAhead), mostAhead)
		} else {
			o.ahead = 0
		}
		return 0, o.ask(off, min(off+max(int64(len(p)), o.ahead), o.version.Size))
	}
	if _, err := io.CopyN(io.Discard, o.body, off-o.at); err != nil {
		return 0, early(err)
	}
	n, err := io.ReadFull(o.body, p[:min(int64(len(p)), o.end-off)])
	if o.at = off + int64(n); o.at == o.end {
		io.Copy(io.Discard, o.body) // the connection is free for others when its end was read
		o.leave()
	}
	return n, early(err)
}

// ask opens the part [from, to) of the object, or fetches all of it if the server sends no parts.
func (o *object) ask(from, to int64) error {
	o.leave()
	c, err := o.place.get(o.key, from, to)
	if err != nil {
		return err
	}
	o.body, o.at, o.end = c.body, from, to
	switch {
	case !o.version.same(c.version):
		return errReplaced
	case c.whole && (from > 0 || to != c.version.Size || to < 0):
		defer o.leave()
		return o.spool()
	}
	return nil
}

func spoolOf(path string) *os.File {
	mu.Lock()
	defer mu.Unlock()
	return spools[path]
}

// spool reads the open response, which is all of the object, into a temporary file, where ReadAt reads from then on. The
// file has no name where the system allows that, and ends with the process.
func (o *object) spool() error {
	f, err := os.CreateTemp("", "fovea-*.tar")
	if err != nil {
		return err
	}
	os.Remove(f.Name())
	n, err := io.Copy(f, o.body)
	if err == nil && n < o.version.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return err
	}
	o.version.Size = n
	mu.Lock()
	defer mu.Unlock()
	spools[o.path] = f
	return nil
}

// early makes the end of a response that is too short an error that is repeated.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

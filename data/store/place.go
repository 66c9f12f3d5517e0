package store

import (
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A place is a bucket, a container or a web server.
type place interface {
	// get opens the bytes [from, to) of an object; to < 0: to its end. A server may send all of it instead.
	get(key string, from, to int64) (*content, error)
	stat(key string) (Version, error)
	// list returns a page of the objects whose keys begin with prefix. Unless deep is set, those with a slash behind the
	// prefix count as folders.
	list(prefix string, deep bool, page string) (*listing, error)
	// fault returns what an error says of the request.
	fault(err error) fault
}

// A content is a part of an object.
type content struct {
	body    io.ReadCloser
	whole   bool    // the server sends all of it, whatever was asked for
	version Version // of the object
}

// A listing is a page of a list.
type listing struct {
	objects []listed
	folders []string // prefixes that end in a slash
	next    string   // page; "": this is the last
}

type listed struct {
	key     string
	version Version
}

// versionFrom returns the version that an ETag and a time stand for. Times count in seconds, as in HTTP.
func versionFrom(size int64, etag string, modified time.Time) Version {
	v := Version{Size: size}
	if !modified.IsZero() {
		v.Modified = modified.Truncate(time.Second).UnixNano()
	}
	if etag = strings.Trim(strings.TrimPrefix(etag, "W/"), `"`); etag != "" {
		sum := fnv.New64a()
		io.WriteString(sum, etag)
		v.Tag = sum.Sum64()
	}
	return v
}

// same reports whether an object still has the content of v.
func (v Version) same(now Version) bool {
	return (v.Size == now.Size || v.Size < 0 || now.Size < 0) && v.Tag == now.Tag &&
		(v.Tag != 0 || v.Modified == now.Modified)
}

// contentOf reads the headers of a response to get.
func contentOf(body io.ReadCloser, header http.Header) *content {
	c := &content{body: body}
	size, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil {
		size = unknown
	}
	_, total, ranged := strings.Cut(header.Get("Content-Range"), "/")
	if c.whole = !ranged; ranged {
		if size, err = strconv.ParseInt(total, 10, 64); err != nil {
			size = unknown
		}
	}
	modified, _ := http.ParseTime(header.Get("Last-Modified"))
	c.version = versionFrom(size, header.Get("ETag"), modified)
	return c
}

// unknown is the size of an object of which the server does not tell it.
const unknown = -1

// rangeHeader returns the header that asks for the bytes [from, to), "" for all.
func rangeHeader(from, to int64) string {
	switch {
	case to >= 0:
		return fmt.Sprintf("bytes=%d-%d", from, to-1)
	case from > 0:
		return fmt.Sprintf("bytes=%d-", from)
	}
	return ""
}

var (
	places   = map[string]func() (place, error){}
	placesMu sync.Mutex
)

// placeOf returns the place and the key of a path.
func placeOf(path string) (place, string, error) {
	scheme, ok := schemeOf(path)
	rest := path[len(scheme):]
	name, key, _ := strings.Cut(rest, "/")
	if !ok || name == "" {
		return nil, "", &Error{Redact(path), "it names no bucket or server: write s3://BUCKET/KEY, gs://BUCKET/KEY, " +
			"azblob://CONTAINER/KEY or https://HOST/PATH", ErrFailed}
	}
	placesMu.Lock()
	open, there := places[scheme+name]
	if !there {
		open = sync.OnceValues(func() (place, error) {
			switch scheme {
			case "s3://":
				return openS3(name)
			case "gs://":
				return openGoogle(name)
			case "azblob://":
				return openAzure(name)
			}
			return web{scheme + name}, nil
		})
		places[scheme+name] = open
	}
	placesMu.Unlock()
	p, err := open()
	if err != nil {
		err = &Error{scheme + name, err.Error(), ErrFailed}
	}
	return p, key, err
}

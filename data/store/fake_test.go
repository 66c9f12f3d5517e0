package store

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fake serves objects as S3 and as a web server do: with ranges and ETags, in pages of two.
type fake struct {
	mu       sync.Mutex
	objects  map[string]string // by bucket/key
	requests []string
	bytes    int                                               // that bodies held
	cuts     int                                               // of responses after 10 000 bytes, to come
	before   func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
}

func newFake(t *testing.T, objects map[string]string) *fake {
	f := &fake{objects: objects}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "someone")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-word")
	old := waits
	waits = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}
	t.Cleanup(func() {
		waits = old
		clear(places)
		clear(seen)
		clear(spools)
		queries.Clear()
	})
	return f
}

type counted struct {
	http.ResponseWriter
	f *fake
}

func (c counted) Write(p []byte) (int, error) {
	c.f.mu.Lock()
	cut := c.f.cuts > 0 && len(p) > 10_000
	if cut {
		c.f.cuts--
		p = p[:10_000]
	}
	c.f.bytes += len(p)
	c.f.mu.Unlock()
	n, err := c.ResponseWriter.Write(p)
	if cut {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path+" "+r.Header.Get("Range"))
	before := f.before
	f.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	bucket, key, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	f.mu.Lock()
	body, there := f.objects[bucket+"/"+key]
	f.mu.Unlock()
	switch {
	case bucket != "bucket":
		refuse(w, http.StatusNotFound, "NoSuchBucket", "")
	case r.URL.Query().Get("list-type") == "2":
		f.list(w, r, bucket)
	case !there:
		refuse(w, http.StatusNotFound, "NoSuchKey", "")
	default:
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, body[:min(len(body), 8)]))
		http.ServeContent(counted{w, f}, r, "", time.Unix(1e9, 0), strings.NewReader(body))
	}
}

func refuse(w http.ResponseWriter, status int, code, region string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message><Region>%s</Region></Error>", code, region)
}

func (f *fake) list(w http.ResponseWriter, r *http.Request, bucket string) {
	type object struct {
		Key, ETag, LastModified string
		Size                    int
	}
	type prefix struct{ Prefix string }
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []object
		CommonPrefixes        []prefix
	}
	q := r.URL.Query()
	var keys []string
	for k := range f.objects {
		if key, ok := strings.CutPrefix(k, bucket+"/"); ok && strings.HasPrefix(key, q.Get("prefix")) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	last := ""
	for _, key := range keys {
		entry, folder := key, false
		if i := strings.Index(key[len(q.Get("prefix")):], "/"); i >= 0 && q.Get("delimiter") == "/" {
			entry, folder = key[:len(q.Get("prefix"))+i+1], true
		}
		if entry <= q.Get("continuation-token") || entry == last {
			continue
		}
		if len(page.Contents)+len(page.CommonPrefixes) == 2 {
			page.IsTruncated, page.NextContinuationToken = true, last
			break
		}
		if last = entry; folder {
			page.CommonPrefixes = append(page.CommonPrefixes, prefix{entry})
			continue
		}
		body := f.objects[bucket+"/"+key]
		page.Contents = append(page.Contents, object{key, fmt.Sprintf(`"%x"`, body[:min(len(body), 8)]),
			time.Unix(1e9, 0).UTC().Format(time.RFC3339), len(body)})
	}
	var b bytes.Buffer
	xml.NewEncoder(&b).Encode(page)
	w.Write(b.Bytes())
}

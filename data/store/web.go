package store

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// client sends all requests. It asks proxies as the environment says, and waits at most 30 s for an answer and 60 s for
// the next bytes.
var client = &http.Client{Transport: transport()}

func transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	var http1 http.Protocols
	http1.SetHTTP1(true) // a connection for each worker
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return patient{conn}, nil
		},
		Protocols:             &http1,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       50 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		DisableCompression:    true, // positions count in what is stored
	}
}

// A patient connection ends when nothing came for a minute.
type patient struct{ net.Conn }

func (c patient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// queries holds what belongs behind the paths of web servers, such as signatures, by path.
var queries sync.Map

// locateObject returns the path of an operand, without what is secret in it.
func locateObject(operand string) (string, error) {
	scheme, _ := schemeOf(operand)
	if scheme != "https://" && scheme != "http://" {
		return scheme + operand[len(scheme):], nil
	}
	u, err := url.Parse(operand)
	if err != nil || u.Host == "" {
		return "", errors.New(Redact(operand) + " is no address of a file: write https://HOST/PATH")
	}
	path := scheme + u.Host + u.EscapedPath()
	u.Fragment, u.RawFragment = "", ""
	if secret := u.String(); secret != path {
		if other, there := queries.LoadOrStore(path, secret); there && other != secret {
			return "", errors.New(path + " stands there twice, with texts behind ? that differ: results would not tell them apart")
		}
	}
	return path, nil
}

// web is a web server: scheme and host.
type web struct{ root string }

// A statusError is an answer that is no success.
type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }

func (w web) get(key string, from, to int64) (*content, error) {
	address := w.root + "/" + key
	if secret, ok := queries.Load(address); ok {
		address = secret.(string)
	}
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if r := rangeHeader(from, to); r != "" {
		request.Header.Set("Range", r)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		response.Body.Close()
		return nil, statusError(response.StatusCode)
	}
	return contentOf(response.Body, response.Header), nil
}

// stat asks for the first byte: servers and signatures that allow GET may refuse HEAD.
func (w web) stat(key string) (Version, error) {
	c, err := w.get(key, 0, 1)
	var status statusError
	if errors.As(err, &status) && status == http.StatusRequestedRangeNotSatisfiable { // of an empty file
		c, err = w.get(key, 0, -1)
	}
	if err != nil {
		return Version{}, err
	}
	c.body.Close()
	return c.version, nil
}

func (w web) list(string, bool, string) (*listing, error) {
	return nil, errors.New("a web server gives no list of its files: name images and archives, or their list with -")
}

func (w web) fault(err error) fault {
	f := fault{server: strings.TrimPrefix(strings.TrimPrefix(w.root, "https://"), "http://"),
		access: "add the signature or name and password that the server wants to the address; a signature may have ended"}
	var status statusError
	if errors.As(err, &status) {
		f.status = int(status)
	}
	return f
}

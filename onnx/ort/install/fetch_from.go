package install

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"fovea/internal/regular"
	"fovea/internal/zipfile"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// installFrom stores the library that a user names by path or URL, and returns its path in the cache.
func installFrom(ctx context.Context, from, temporary string, p bytesDone) (string, error) {
	file, remote, sum := from, false, ""
	if u, err := url.Parse(from); err == nil && u.Scheme != "" && !filepath.IsAbs(from) {
		sum = strings.ToLower(strings.TrimPrefix(u.Fragment, "sha256="))
		if u.Fragment != "" && len(sum) != 64 {
			return "", fmt.Errorf("%s: what follows # must be sha256= and 64 hexadecimal digits", from)
		}
		switch u.Scheme {
		case "http", "https":
			remote = true
			if file, err = download(ctx, u, temporary, p); err != nil {
				return "", err
			}
		case "file":
			file = filepath.FromSlash(u.Path)
			if runtime.GOOS == "windows" {
				file = strings.TrimPrefix(file, `\`)
			}
		default:
			return "", fmt.Errorf("%s: the scheme %q is none of https, http and file", from, u.Scheme)
		}
	}
	library, err := unpack(file, temporary)
	if err != nil {
		return "", err
	}
	if sum != "" {
		if err := checkSum(library, sum); err != nil {
			return "", err
		}
	} else if remote {
		if sum, err = fileSum(library); err != nil {
			return "", err
		}
		if !knownSum(sum) {
			return "", fmt.Errorf("the library from %s has the SHA-256 %s, which fovea does not know; "+
				"if that is the one you expect, append #sha256=%s to the URL", from, sum, sum)
		}
	}
	if sum, err = fileSum(library); err != nil {
		return "", err
	}
	path, err := storeVerified(library)
	if err == nil && !pinned(sum) {
		err = rememberSum(sum)
	}
	return path, err
}

// download fetches a URL into the folder and returns the file's path. It uses the proxies and certificates of the
// environment (HTTPS_PROXY, SSL_CERT_FILE).
func download(ctx context.Context, u *url.URL, folder string, p bytesDone) (file string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "", fmt.Errorf("%w; this machine does not know who signed it: install ca-certificates, set SSL_CERT_FILE "+
			"to the certificates of your network, or fetch the file with another program and name it", err)
	}
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", u, answer.Status)
	}
	name := path.Base(u.Path)
	if name == "." || name == "/" {
		name = libraryName()
	}
	file = filepath.Join(folder, "download-"+name)
	body := &counter{from: answer.Body, total: max(answer.ContentLength, 0), progress: p}
	if err := writeFile(file, body); err != nil {
		return "", fmt.Errorf("downloading %s: %w", u, err)
	}
	return file, nil
}

// A counter reports how many bytes were read through it.
type counter struct {
	from        io.Reader
	done, total int64
	progress    bytesDone
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.done += int64(n)
	c.progress(c.done, c.total)
	return n, err
}

// unpack returns the path of the library that a file holds: the file itself, or the library extracted into the folder
// from a zip file (a wheel, jar or NuGet package) or a .tgz.
func unpack(file, folder string) (library string, err error) {
	f, err := regular.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := f.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	target := filepath.Join(folder, libraryName())
	switch {
	case string(magic) == "PK\x03\x04":
		err = unzip(f, target)
	case magic[0] == 0x1f && magic[1] == 0x8b:
		err = untar(f, target)
	default:
		return file, nil
	}
	if err != nil {
		return "", fmt.Errorf("unpacking %s: %w", file, err)
	}
	return target, nil
}

var errNoLibrary = errors.New("it holds no " + libraryName() + " for " + thisSystem)

// isPacked reports whether a member of an archive may be the library. A Go module has it under a name of its own.
func isPacked(name string) bool {
	return isLibraryName(name) || slices.ContainsFunc(moduleReleases, func(r moduleRelease) bool {
		return r.system == thisSystem && path.Base(r.file) == name
	})
}

func unzip(f *os.File, target string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	archive, err := zipfile.NewReader(f, info.Size(), 64<<20)
	if err != nil {
		return err
	}
	// A jar or NuGet package carries one library for each system. The right one is found by looking into each.
	reason := errNoLibrary
	for _, member := range archive.File {
		if !isPacked(path.Base(member.Name)) || !member.Mode().IsRegular() {
			continue
		}
		r, err := member.Open()
		if err != nil {
			return err
		}
		err = writeFile(target, r)
		r.Close()
		if err != nil {
			return err
		}
		if _, err = inspect(target); err == nil {
			return nil
		}
		reason = fmt.Errorf("%s: %w", member.Name, err)
	}
	return reason
}

func untar(f *os.File, target string) error {
	plain, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	reason := errNoLibrary
	for archive := tar.NewReader(plain); ; {
		member, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return reason
		}
		if err != nil {
			return err
		}
		if !isPacked(path.Base(member.Name)) || member.Typeflag != tar.TypeReg {
			continue
		}
		if err := writeFile(target, archive); err != nil {
			return err
		}
		if _, err = inspect(target); err == nil {
			return nil
		}
		reason = fmt.Errorf("%s: %w", member.Name, err)
	}
}

// writeFile writes the content of r to a new file and to the disk.
func writeFile(target string, r io.Reader) error {
	f, err := os.Create(target)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Chmod(0o644) // whatever the umask: code that others can change is not loaded
	}
	if err == nil {
		err = f.Sync() // a renamed file in the cache must be complete even after a power cut
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

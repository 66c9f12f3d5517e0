package tensorboard

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const prefix = "events.out.tfevents."

// A Writer writes one event file. It is not safe for concurrent use. It buffers events until Flush or Close; after a
// crash TensorBoard reads the whole records that reached the file and ignores the rest.
type Writer struct {
	file *os.File
	buf  *bufio.Writer
}

// Create creates a new event file in dir, and makes the folder if it is missing. step is 0 for a new run. For a run
// that resumes it is the first step that will be written: TensorBoard drops what earlier files in dir hold from that
// step on.
func Create(dir string, step int64) (*Writer, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return create(dir, step, host, time.Now())
}

func create(dir string, step int64, host string, now time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("create event file: %w", err)
	}
	second, err := nextSecond(dir, now.Unix())
	if err != nil {
		return nil, fmt.Errorf("create event file: %w", err)
	}
	path := filepath.Join(dir, fmt.Sprintf("%s%010d.%s", prefix, second, host))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("create event file: %w", err)
	}
	w := &Writer{file: file, buf: bufio.NewWriter(file)}
	err = w.write(versionEvent(now))
	if err == nil {
		err = w.write(startEvent(now, step))
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

// nextSecond returns now in seconds. If dir has an event file of that time or later (a quick restart, a clock set
// back), it returns the second after that file's: TensorBoard must read the new file last.
func nextSecond(dir string, now int64) (int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if second, err := strconv.ParseInt(digits, 10, 64); err == nil && second >= now {
			now = second + 1
		}
	}
	return now, nil
}

// Scalar writes the value of a tag at a step. Event files hold float32. Slashes in tags make groups in TensorBoard:
// "loss/train", "loss/val".
func (w *Writer) Scalar(tag string, step int64, value float64, wall time.Time) error {
	return w.write(scalarEvent(wall, step, tag, float32(value)))
}

func (w *Writer) write(event []byte) error {
	if _, err := w.buf.Write(appendRecord(nil, event)); err != nil {
		return fmt.Errorf("write event file: %w", err)
	}
	return nil
}

// Flush hands buffered events to the operating system, so that a running TensorBoard sees them.
func (w *Writer) Flush() error {
	if err := w.buf.Flush(); err != nil {
		return fmt.Errorf("write event file: %w", err)
	}
	return nil
}

// Close flushes and closes the file.
func (w *Writer) Close() error {
	err := w.Flush()
	if e := w.file.Close(); e != nil && err == nil {
		err = fmt.Errorf("close event file: %w", e)
	}
	return err
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// warnings makes notes of the warnings of a section's log.
type warnings struct {
	slog.Handler
	to *section
}

func (w *warnings) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError || level >= slog.LevelWarn && w.to.cuda() // the CPU's are known: it has no halves
}

func (w *warnings) Handle(ctx context.Context, r slog.Record) error {
	text := "Warning: " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(", %s: %v", a.Key, a.Value)
		return true
	})
	if strings.Contains(text, "from: onnxruntime") { // what matters of that comes as an error too
		return w.Handler.Handle(ctx, r)
	}
	if !slices.Contains(w.to.Notes, text) {
		w.to.note("%s", text)
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct{ bytes.Buffer }

const tailBytes = 6000

func (t *tail) Write(p []byte) (int, error) {
	n, err := t.Buffer.Write(p)
	if over := t.Len() - 2*tailBytes; over > 0 {
		t.Next(over + tailBytes)
	}
	return n, err
}

func (t *tail) String() string {
	b := t.Bytes()
	return string(b[max(0, len(b)-tailBytes):])
}

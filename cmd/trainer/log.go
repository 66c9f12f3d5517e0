package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"fovea/internal/naming"
)

// A logHandler writes a record as a line a person reads:
//
//	15:04:05 epoch 3 loss=1.09 roc_auc=0.72
//	15:04:05 warning: image cannot be read path=a.jpg
type logHandler struct {
	attributes slog.Handler // writes the attributes alone to line
	line       *bytes.Buffer
	mu         *sync.Mutex // guards line
	out        io.Writer
}

func newLogHandler(out io.Writer, level slog.Leveler) *logHandler {
	line := new(bytes.Buffer)
	attributes := slog.NewTextHandler(line, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			_, isLevel := a.Value.Any().(slog.Level)
			isMessage := a.Key == slog.MessageKey && a.Value.String() == ""
			if len(groups) == 0 && (isLevel || isMessage) {
				return slog.Attr{} // Handle has written both
			}
			return a
		},
	})
	return &logHandler{attributes, line, new(sync.Mutex), out}
}

func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.attributes.Enabled(ctx, level)
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line.Reset()
	h.line.WriteString(r.Time.Format("15:04:05 "))
	switch {
	case r.Level >= slog.LevelError:
		h.line.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		h.line.WriteString("warning: ")
	case r.Level < slog.LevelInfo:
		h.line.WriteString("debug: ")
	}
	h.line.WriteString(naming.Visible(r.Message))
	h.line.WriteByte(' ')
	rest := slog.NewRecord(time.Time{}, r.Level, "", r.PC)
	r.Attrs(func(a slog.Attr) bool {
		rest.AddAttrs(a)
		return true
	})
	if err := h.attributes.Handle(ctx, rest); err != nil {
		return err
	}
	_, err := fmt.Fprintln(h.out, naming.Shorten(strings.TrimRight(h.line.String(), " \n")))
	return err
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.attributes.WithAttrs(attrs), h.line, h.mu, h.out}
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.attributes.WithGroup(name), h.line, h.mu, h.out}
}

package ort

import "C"

import (
	"context"
	"log/slog"
	"strings"
)

// The runtime's severities, from OrtLoggingLevel.
const (
	severityVerbose = iota
	severityInfo
	severityWarning
	severityError
	severityFatal
)

// LevelInternals is the level of what the runtime says of its work: hundreds of lines for a model.
const LevelInternals = slog.LevelDebug - 4

// foveaLog hands a line of the runtime's log to slog. The runtime may call it from threads of its own.
//
//export foveaLog
func foveaLog(severity C.int, category, id, location, message *C.char) {
	slog.LogAttrs(context.Background(), logLevel(int(severity)), strings.TrimSpace(C.GoString(message)),
		slog.String("from", "onnxruntime"),
		slog.String("where", C.GoString(location)))
}

func logLevel(severity int) slog.Level {
	switch severity {
	case severityVerbose, severityInfo:
		return LevelInternals
	case severityWarning:
		return slog.LevelWarn
	}
	return slog.LevelError
}

// logSeverity returns the lowest severity that slog's default logger would keep, so that the runtime does not even
// format lower ones.
func logSeverity() int {
	ctx, log := context.Background(), slog.Default()
	switch {
	case log.Enabled(ctx, LevelInternals):
		return severityInfo
	case log.Enabled(ctx, slog.LevelWarn):
		return severityWarning
	case log.Enabled(ctx, slog.LevelError):
		return severityError
	}
	return severityFatal
}

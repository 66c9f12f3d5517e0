package ort_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
	"fovea/onnx/ort/internal/orttest"
)

// TestMain loads the runtime that all tests of this package share. Without it they would prove nothing, so they fail
// rather than skip. It stands in a package of its own because ort's tests cannot import install.
func TestMain(m *testing.M) {
	ctx := context.Background()
	if os.Getenv(orttest.EnvChild) != "" {
		lines, err := logged(ctx)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Print(lines)
		return
	}
	if _, err := install.Load(ctx, install.Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// logged makes a session of a model that the runtime logs a warning about, and returns the log.
func logged(ctx context.Context) (string, error) {
	var lines bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	if _, err := install.Load(ctx, install.Source{}); err != nil {
		return "", err
	}
	s, err := ort.OpenSession(os.Getenv("FOVEA_ORT_TEST_MODEL"), ort.Options{})
	if err != nil {
		return "", err
	}
	return lines.String(), s.Close()
}

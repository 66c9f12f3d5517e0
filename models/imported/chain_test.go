package imported

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fovea/graphs"
	"fovea/onnx"
)

// TestLongChain: a chain of 2,000 nodes is differentiated and written in seconds. With the runtime's optimisation of
// the result it took over ten.
func TestLongChain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	start := time.Now()
	g := chainGradient(t, 2000)
	if err := Save(t.Context(), filepath.Join(t.TempDir(), "gradient.onnx"), g); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestSaveOfLongChain: the runtime is not asked about a graph above the limit, and a line says so. Once the context is
// done, nothing is written.
func TestSaveOfLongChain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for nodes, asked := range map[int]bool{20: true, mostChecked: false} {
		var log bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		g := chainGradient(t, nodes)
		path := filepath.Join(t.TempDir(), "gradient.onnx")
		err := Save(t.Context(), path, g)
		slog.SetDefault(before)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		if asked == strings.Contains(log.String(), "was not asked") {
			t.Errorf("%d nodes: %s", nodes, log.String())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		path = filepath.Join(t.TempDir(), "stopped.onnx")
		if err := Save(ctx, path, g); !errors.Is(err, context.Canceled) {
			t.Errorf("%d nodes: %v", nodes, err)
		}
		if left, _ := filepath.Glob(path + "*"); left != nil {
			t.Errorf("%d nodes: left: %v", nodes, left)
		}
	}
}

// chainGradient returns the gradient of a chain of Tanh.
func chainGradient(t *testing.T, nodes int) *graphs.Graph {
	b := newModel(17, 8)
	b.input("v0", float, 1, 4)
	for i := range nodes {
		b.node("Tanh", fmt.Sprintf("v%d -> v%d", i, i+1), nil)
	}
	b.outputs(fmt.Sprintf("v%d", nodes))
	g, err := open(t, b.file(t, onnx.SaveOptions{})).Differentiate()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

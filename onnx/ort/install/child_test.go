package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fovea/onnx/ort"
	"fovea/onnx/ort/internal/orttest"
)

// providerEnv is the environment variable with the provider that a child loads a library for.
const providerEnv = "FOVEA_ORT_TEST_PROVIDER"

// TestMain loads the runtime that all tests share. Without it they would prove nothing, so they fail rather than skip.
func TestMain(m *testing.M) {
	if os.Getenv(orttest.EnvChild) != "" {
		os.Exit(child(os.Getenv(orttest.EnvChild)))
	}
	if _, err := Load(context.Background(), Source{}); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need ONNX Runtime: %v\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child carries out an action and prints its result. It returns 1 after an error.
func child(action string) int {
	ctx := context.Background()
	var result any
	var err error
	switch action {
	case "load":
		if result, err = Load(ctx, Source{}); err == nil {
			result = result.(*ort.Library).Origin
		}
	case "load twice":
		result, err = loadTwice(ctx)
	case "install":
		result, err = CPU(ctx, Options{})
	case "doctor":
		result = Doctor(ctx, Source{})
	case "locate":
		var c candidate
		c, err = locate(ctx, Source{Provider: os.Getenv(providerEnv)})
		result = c.path
	case "check":
		if _, err = Load(ctx, Source{Provider: os.Getenv(providerEnv)}); err == nil {
			result, err = "usable", CheckCUDA(ctx, 0)
		}
	case "gpu doctor":
		result = Doctor(ctx, Source{Provider: os.Getenv(providerEnv)})
	default:
		err = fmt.Errorf("no action %q", action)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(result)
	return 0
}

// loadTwice loads a library, after a bad one and before another one.
func loadTwice(ctx context.Context) (string, error) {
	if _, err := Load(ctx, Source{Library: os.Args[0]}); err == nil {
		return "", fmt.Errorf("this program was loaded as a library")
	}
	first, err := Load(ctx, Source{})
	if err != nil {
		return "", fmt.Errorf("after a failed load: %w", err)
	}
	for _, same := range []string{"", first.Path, filepath.Dir(first.Path)} {
		if again, err := Load(ctx, Source{Library: same}); err != nil || again != first {
			return "", fmt.Errorf("loading %q again: %v, %w", same, again, err)
		}
	}
	_, err = Load(ctx, Source{Library: os.Args[0]})
	return fmt.Sprint(err), nil
}

package ort

import (
	"context"
	"errors"
	"testing"

	yalue "github.com/yalue/onnxruntime_go"
)

// TestOpeningIsAbandoned: the opening of a model cannot be stopped, but nobody waits for its end once the context is
// done.
func TestOpeningIsAbandoned(t *testing.T) {
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	begun, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	go func() {
		<-begun
		cancel(stopped)
	}()
	_, err := abandonable(ctx, func() (*yalue.DynamicAdvancedSession, error) {
		close(begun)
		<-end
		return nil, errors.New("late")
	})
	if err != stopped {
		t.Errorf("got %v", err)
	}
	_, err = abandonable(ctx, func() (*yalue.DynamicAdvancedSession, error) {
		t.Error("opened for a context that is done")
		return nil, nil
	})
	if err != stopped {
		t.Errorf("got %v", err)
	}
}

package ort

// #include "bridge.h"
import "C"

import (
	"cmp"
	"context"
	"fmt"
	"time"

	yalue "github.com/yalue/onnxruntime_go"
)

// abandonable returns the session that open makes, or the cause of ctx when that is done before. The runtime cannot be
// stopped while it opens a model, so open then goes on beside the caller, and its session is freed when it ends.
func abandonable(ctx context.Context, open func() (*yalue.DynamicAdvancedSession, error)) (
	*yalue.DynamicAdvancedSession, error) {
	if ctx == nil {
		return open()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	type result struct {
		session *yalue.DynamicAdvancedSession
		err     error
	}
	ended := make(chan result, 1)
	go func() {
		session, err := open()
		ended <- result{session, err}
	}()
	select {
	case r := <-ended:
		return r.session, r.err
	case <-ctx.Done():
		go func() {
			if r := <-ended; r.session != nil {
				r.session.Destroy()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// stoppable calls run with options by which the session's context and its longest time end the run. Without them it
// passes nil. The runtime looks at the options between nodes.
func (s *Session) stoppable(run func(options *C.OrtRunOptions) error) error {
	if s.context == nil && s.longest == 0 {
		return run(nil)
	}
	ctx := cmp.Or(s.context, context.Background())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.longest > 0 {
		tooLong := fmt.Errorf("it took longer than %v, the most that a model of this size with loops may take",
			s.longest.Round(time.Second))
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.longest, tooLong)
		defer cancel()
	}
	var options *C.OrtRunOptions
	if err := failure(C.fovea_options(&options)); err != nil {
		return err
	}
	defer C.fovea_release_options(options)
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.fovea_terminate(options)
		close(ended)
	})
	err := run(options)
	if !stop() { // the options may still be in use
		<-ended
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

//go:build !linux

package checkpoint

import "errors"

// exchange returns [errors.ErrUnsupported], since this system cannot swap two names in one step.
func exchange(a, b string) error { return errors.ErrUnsupported }

package learner

import "errors"

// TryStep takes the memory that an optimizer step takes, with whatever lies in the inputs and a rate of 0. Whether the
// numbers are finite says nothing of memory and is no error.
func (l *Learner) TryStep() error {
	for micro := range l.share.Len() {
		if micro < 2 {
			if err := errors.Join(l.feed.begin(), l.feed.send(), l.ForwardBackward()); err != nil {
				return err
			}
		} else if err := l.accumulate(); err != nil { // it touches the arenas of the sum
			return err
		}
	}
	if err := l.Update(1, 0); err != nil {
		return err
	}
	_, err := l.Settle()
	var notTaken *NotFinite
	var scaled *Overflow
	if errors.As(err, &notTaken) || errors.As(err, &scaled) {
		return nil
	}
	return err
}

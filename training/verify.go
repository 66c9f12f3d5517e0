package training

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"fovea/data"
)

// verify decodes every image of some splits before any work is done with them.
// Unreadable ones are left out if skip is set, else they are an error that
// ends with how to skip them. A cache, which may be nil, keeps each split's
// images for its transform.
func verify(ctx context.Context, splits []*data.Split, workers int, cache *data.Cache,
	transform func(*data.Split) data.Transform, skip bool, how string, progress func(Update)) error {
	report := reporter(progress, "check images", "images")
	bad, before := &data.Unreadable{}, 0
	for _, s := range splits {
		bad.Total += len(s.Samples)
	}
	for _, s := range splits {
		found, err := data.Verify(ctx, s.Samples, workers, cache, transform(s),
			func(done, _ int) { report(before+done, bad.Total, "") })
		if err != nil {
			return err
		}
		before += len(s.Samples)
		bad.Images = append(bad.Images, found...)
		s.Samples = data.Readable(s.Samples, found)
	}
	return LeaveOut(bad, skip, how)
}

// LeaveOut warns of unreadable images if skip is set and some others are left;
// else they are an error that ends with how to skip them.
func LeaveOut(bad *data.Unreadable, skip bool, how string) error {
	switch {
	case len(bad.Images) == 0:
		return nil
	case !skip:
		return fmt.Errorf("%w\nor %s to leave them out", bad, how)
	case len(bad.Images) == bad.Total:
		return errors.Join(bad, errors.New("nothing is left"))
	}
	slog.Warn("images are left out", "reason", bad)
	return nil
}

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
	unreadable, before := &data.Unreadable{}, 0
	for _, s := range splits {
		unreadable.Total += len(s.Samples)
	}
	for _, s := range splits {
		bad, err := data.Verify(ctx, s.Samples, workers, cache, transform(s),
			func(done, _ int) { report(before+done, unreadable.Total, "") })
		if err != nil {
			return err
		}
		before += len(s.Samples)
		unreadable.Images = append(unreadable.Images, bad...)
		s.Samples = data.Readable(s.Samples, bad)
	}
	switch {
	case len(unreadable.Images) == 0:
		return nil
	case !skip:
		return fmt.Errorf("%w\nor %s to leave them out", unreadable, how)
	case len(unreadable.Images) == unreadable.Total:
		return errors.Join(unreadable, errors.New("nothing is left"))
	}
	slog.Warn("images are left out", "reason", unreadable)
	return nil
}

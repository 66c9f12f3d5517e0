package training

import (
	"context"

	"fovea/data"
	"fovea/internal/progress"
)

// verify decodes every image of some splits before any work is done with them,
// and returns what each of those holds that are left. Unreadable ones are left
// out if skip is set, else they are an error that ends with how to skip them. A
// cache, which may be nil, keeps each split's images for its transform.
func verify(ctx context.Context, splits []*data.Split, workers int, cache *data.Cache,
	transform func(*data.Split) data.Transform, skip bool, how string, progress progress.Func) ([][]data.Fingerprint, error) {
	report := progress.Task("check images")
	var contents [][]data.Fingerprint
	bad, before := &data.Unreadable{}, 0
	for _, s := range splits {
		bad.Total += len(s.Samples)
	}
	for _, s := range splits {
		held, found, err := data.Verify(ctx, s.Samples, workers, cache, transform(s),
			func(done, _ int) { report(before+done, bad.Total, "") })
		if err != nil {
			return nil, err
		}
		contents = append(contents, held)
		before += len(s.Samples)
		bad.Images = append(bad.Images, found...)
		s.Samples = data.Readable(s.Samples, found)
	}
	return contents, bad.LeaveOut(skip, how)
}

package export

import (
	"image"
	"slices"
	"time"

	"fovea/data"
)

// clock times all with a batch, and with its first image that could be read, which is img.
func (r *Report) clock(all []*contender, b *data.Batch, first int, img *image.NRGBA) error {
	size := len(b.Images) / b.N
	if err := clock(all, b.Images[first*size:(first+1)*size], 1, img); err != nil {
		return err
	}
	if r.Batch = b.N; r.Batch == 1 {
		return nil
	}
	return clock(all, b.Images, b.N, img)
}

// clock measures, in turns, how long each takes for n images that come together; raw images come alone.
func clock(all []*contender, tensors []float32, n int, img *image.NRGBA) error {
	const rounds, enough = 15, 20 * time.Second
	begin := time.Now()
	for i := range rounds {
		for _, c := range all {
			if c.raw != nil && n > 1 {
				continue
			}
			// One call wakes its threads and lets those of the one before sleep.
			var t time.Time
			var err error
			for range 2 {
				t = time.Now()
				if c.raw != nil {
					_, err = c.raw.Classify(img)
				} else {
					_, err = c.tensors.Classify(tensors, n)
				}
				if err != nil {
					return err
				}
			}
			if i > 0 { // the first warms up
				c.times[n] = append(c.times[n], float64(time.Since(t))/float64(time.Millisecond)/float64(n))
			}
		}
		if i >= 3 && time.Since(begin) > enough {
			break
		}
	}
	return nil
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

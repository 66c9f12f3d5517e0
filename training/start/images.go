package start

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"fovea/data"
	"fovea/internal/progress"
)

// A sample tells what some of the training images have in common.
type sample struct {
	images            int
	smallest, largest int // shorter sides
	middle            int // median of the shorter sides
	grey              bool
	mean, std         [3]float64 // of R, G and B in [0, 1], over all pixels
}

const (
	mostImages = 256             // of a sample
	mostTime   = 6 * time.Second // after at least leastImages
)

const leastImages = 16

// look decodes some images of a split, spread over it.
func look(ctx context.Context, s *data.Split, report progress.Func) (sample, error) {
	out := sample{grey: true, smallest: math.MaxInt}
	var sides []int
	var sum, squares [3]float64
	pixels := 0.0
	n := min(len(s.Samples), mostImages)
	start, update := time.Now(), report.Images("look at images")
	var failed error
	for i := range n {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if len(sides) >= leastImages && time.Since(start) > mostTime {
			break
		}
		at := i * 257 % n * len(s.Samples) / n // 257 is prime and above n: wherever this ends, all classes were seen
		img, err := data.Decode(s.Samples[at].Path)
		if err != nil {
			failed = err
			continue
		}
		b := img.Bounds()
		sides = append(sides, min(b.Dx(), b.Dy()))
		for y := range b.Dy() {
			row := img.Pix[y*img.Stride:][:4*b.Dx()]
			var line, lineSquares [3]int
			for x := 0; x < len(row); x += 4 {
				r, g, bl := int(row[x]), int(row[x+1]), int(row[x+2])
				line[0], line[1], line[2] = line[0]+r, line[1]+g, line[2]+bl
				lineSquares[0], lineSquares[1], lineSquares[2] = lineSquares[0]+r*r, lineSquares[1]+g*g, lineSquares[2]+bl*bl
				out.grey = out.grey && r == g && g == bl
			}
			for c := range 3 {
				sum[c] += float64(line[c]) / 255
				squares[c] += float64(lineSquares[c]) / (255 * 255)
			}
		}
		pixels += float64(b.Dx() * b.Dy())
		update(i+1, n)
	}
	if len(sides) == 0 {
		return out, errors.Join(fmt.Errorf("not one of %d images of %s could be read", n, s), failed)
	}
	slices.Sort(sides)
	out.images, out.smallest, out.largest, out.middle = len(sides), sides[0], sides[len(sides)-1], sides[len(sides)/2]
	for c := range 3 {
		out.mean[c] = sum[c] / pixels
		out.std[c] = math.Sqrt(max(0, squares[c]/pixels-out.mean[c]*out.mean[c]))
	}
	return out, nil
}

package similar

import (
	"slices"

	"fovea/internal/parallel"
)

const (
	candidates = 16 // of each print, which are looked at closely
	mostBits   = 18 // of 112, in which a candidate's signature may differ
	farBits    = 14 // from which on it must correlate more
	// Images are similar if grey or colour correlates that much, and the other is not doubtful. These numbers were
	// chosen on RetinaMNIST. Compression takes more from colour, because it keeps it at half the size.
	leastGrey, doubtfulGrey     = 0.985, 0.965
	leastColour, doubtfulColour = 0.97, 0.9
	leastFar                    = 0.993
)

// Find returns the pairs of similar images, each once and with the lower index first, in order. Images without
// content, such as black ones, are similar to none. workers is the number of goroutines, 0 for one a core.
func Find(prints []*Print, workers int) [][2]int {
	all := make([]*outline, len(prints))
	parallel.Each(workers, len(prints), func(i int) { all[i] = prints[i].outline() })
	found := make([][][2]int, len(prints))
	parallel.Each(workers, len(prints), func(i int) {
		b := prints[i].view()
		for _, c := range nearest(all[i].whole, all, i) {
			if b.shows(prints[c.print].view(), *c.part, c.distance >= farBits) {
				found[i] = append(found[i], [2]int{min(c.print, i), max(c.print, i)})
			}
		}
	})
	out := slices.Concat(found...)
	slices.SortFunc(out, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// A candidate is a part of a print that may be what another print shows.
type candidate struct {
	print, distance int
	part            *box
}

// nearest returns the prints with a part whose signature is most like s, but for one print.
func nearest(s signature, all []*outline, but int) []candidate {
	var out []candidate
	most := mostBits + 1 // the distance of the next one is below
	for i, o := range all {
		part, distance := o.nearest(s, most)
		if part == nil || i == but {
			continue
		}
		place, _ := slices.BinarySearchFunc(out, distance+1, func(c candidate, d int) int { return c.distance - d })
		out = slices.Insert(out, place, candidate{i, distance, part})
		if len(out) > candidates {
			out = out[:candidates]
		}
		if len(out) == candidates {
			most = min(most, out[candidates-1].distance)
		}
	}
	return out
}

// A view holds what a close look at a print needs. What few comparisons need is computed when it is asked for.
type view struct {
	print      *Print
	grey, soft *plane // soft is smoother
	channels   [3][2]*plane
}

func (p *Print) view() *view { return &view{print: p, grey: p.grey().smoothed(1)} }

func (v *view) softGrey() *plane {
	if v.soft == nil {
		v.soft = v.grey.smoothed(4)
	}
	return v.soft
}

// channel returns a channel and a smoother copy.
func (v *view) channel(c int) (channel, soft *plane) {
	if v.channels[c][0] == nil {
		channel := v.print.channel(c).smoothed(1)
		v.channels[c] = [2]*plane{channel, channel.smoothed(4)}
	}
	return v.channels[c][0], v.channels[c][1]
}

// shows reports whether b shows a part of a, near the given one. far says that their signatures differ much.
func (b *view) shows(a *view, part box, far bool) bool {
	part = align(a.grey, b.grey, align(a.softGrey(), b.softGrey(), part, 3), 5)
	var grey comparison
	grey.add(a.grey, a.softGrey(), b.grey, part, 16)
	r := grey.correlation()
	if r < doubtfulGrey || far && r < leastFar {
		return false
	}
	if !a.print.coloured() || !b.print.coloured() {
		return r >= leastGrey
	}
	var colour comparison
	for c := range 3 {
		channel, soft := a.channel(c)
		other, _ := b.channel(c)
		colour.add(channel, soft, other, part, 8)
	}
	q := colour.correlation()
	return q >= leastColour || r >= leastGrey && q >= doubtfulColour
}

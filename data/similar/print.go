// Package similar finds images that were made from one another: cut by up to a fifth of width and height, resized,
// compressed again, made brighter or of more contrast. It does not look for images that were mirrored or turned, since
// the two eyes of a patient often look like mirror images.
//
// # Method
//
// A [Print] is an image at 32×32 pixels. Each print is compared with parts of all others: by the signs of the differences
// between neighbours of 8×8 blocks, for 81 parts. The nearest are aligned by least squares. Two images are similar if
// what one shows is then a combination of the other and a smoothed copy of it, once smooth shading is removed. Shading
// is what all photographs of the fundus have in common.
package similar

import "image"

// Side is the width and height of a print.
const Side = 32

// A Print is an image at Side×Side pixels, 3 bytes each.
type Print [Side * Side * 3]uint8

// NewPrint returns the print of an image that has Side×Side pixels already.
func NewPrint(img *image.NRGBA) *Print {
	var p Print
	for y := range Side {
		for x := range Side {
			copy(p[3*(y*Side+x):][:3], img.Pix[y*img.Stride+4*x:])
		}
	}
	return &p
}

// A plane holds one value for each pixel of a print.
type plane [Side * Side]float32

// channel returns red, green or blue.
func (p *Print) channel(c int) *plane {
	var out plane
	for i := range out {
		out[i] = float32(p[3*i+c])
	}
	return &out
}

// grey returns the luma.
func (p *Print) grey() *plane {
	var out plane
	for i := range out {
		out[i] = 0.299*float32(p[3*i]) + 0.587*float32(p[3*i+1]) + 0.114*float32(p[3*i+2])
	}
	return &out
}

// coloured reports whether the channels differ by more than a level or two.
func (p *Print) coloured() bool {
	sum := 0
	for i := range Side * Side {
		q := p[3*i : 3*i+3]
		sum += int(max(q[0], q[1], q[2])) - int(min(q[0], q[1], q[2]))
	}
	return sum > 3*Side*Side
}

// smoothed returns the plane after filtering it with [1 2 1]/4 in both directions, a number of times.
func (g *plane) smoothed(times int) *plane {
	out := *g
	for range times {
		var rows plane
		for y := range Side {
			row, from := rows[y*Side:][:Side], out[y*Side:][:Side]
			for x := range row {
				row[x] = (from[max(0, x-1)] + 2*from[x] + from[min(Side-1, x+1)]) / 4
			}
		}
		for y := range Side {
			above, below := rows[max(0, y-1)*Side:][:Side], rows[min(Side-1, y+1)*Side:][:Side]
			for x, v := range rows[y*Side:][:Side] {
				out[y*Side+x] = (above[x] + 2*v + below[x]) / 4
			}
		}
	}
	return &out
}

// at returns the value at a position in pixels, from the centre of the first one, and its derivatives.
func (g *plane) at(x, y float32) (v, dx, dy float32) {
	x, y = min(max(x, 0), Side-1.001), min(max(y, 0), Side-1.001)
	ix, iy := int(x), int(y)
	fx, fy := x-float32(ix), y-float32(iy)
	i := iy*Side + ix
	a, b, c, d := g[i], g[i+1], g[i+Side], g[i+Side+1]
	top, bottom := a+(b-a)*fx, c+(d-c)*fx
	return top + (bottom-top)*fy, (b-a)*(1-fy) + (d-c)*fy, bottom - top
}

// A box is a part of an image, as fractions of its width and height.
type box struct{ x0, y0, x1, y1 float32 }

// at returns the position in pixels of a point of a box, given as fractions of the box.
func (b box) at(u, v float32) (x, y float32) {
	return (b.x0+u*(b.x1-b.x0))*Side - 0.5, (b.y0+v*(b.y1-b.y0))*Side - 0.5
}

var whole = box{0, 0, 1, 1}

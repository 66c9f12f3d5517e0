package data

import (
	"image"

	"golang.org/x/sys/cpu"
)

var hasAVX2 = cpu.X86.HasAVX2

// alongRowAVX2 does what alongRowGo does for n outputs, at least one.
//
//go:noescape
func alongRowAVX2(out, in *uint8, start, count *int, weights *int32, taps, n int)

// downColumnsAVX2 does what downColumnsGo does for the first n pixels of a row; n is a multiple of 4 above 0. in is the
// first of count pixels, each stride bytes below the one before.
//
//go:noescape
func downColumnsAVX2(out, in *uint8, stride int, weights *int32, count, n int)

func (f *filter) alongRow(out, in []uint8) {
	if !hasAVX2 {
		f.alongRowGo(out, in)
		return
	}
	n := len(f.start)
	_, _ = out[4*n-1], in[4*(f.start[n-1]+f.count[n-1])-1]
	alongRowAVX2(&out[0], &in[0], &f.start[0], &f.count[0], &f.weights[0], f.taps, n)
}

func (f *filter) downColumns(out []uint8, in *image.NRGBA, y int) {
	n := 0
	if from, count := f.start[y], f.count[y]; hasAVX2 && in.Rect.Dx() >= 4 && count > 0 {
		n = in.Rect.Dx() &^ 3
		_, _ = out[4*n-1], in.Pix[(from+count-1)*in.Stride+4*n-1]
		downColumnsAVX2(&out[0], &in.Pix[from*in.Stride], in.Stride, &f.weights[y*f.taps], count, n)
	}
	f.downColumnsGo(out, in, y, n)
}

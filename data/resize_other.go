//go:build !amd64

package data

import "image"

func (f *filter) alongRow(out, in []uint8) { f.alongRowGo(out, in) }

func (f *filter) downColumns(out []uint8, in *image.NRGBA, y int) { f.downColumnsGo(out, in, y, 0) }

package main

import (
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// imageKinds names folders of images: 2048×1536 JPEGs (4:2:0, quality 90), as a fundus camera writes them, and PNGs of
// 512×512.
var imageKinds = []string{"jpeg-3mp", "png-512"}

// writeImages writes n images of each kind below dir.
func writeImages(dir string, n int) error {
	for k, kind := range imageKinds {
		if err := os.MkdirAll(filepath.Join(dir, kind), 0o755); err != nil {
			return err
		}
		for i := range n {
			rng := rand.New(rand.NewPCG(uint64(k), uint64(i)))
			name, encode := fmt.Sprintf("%03d.jpg", i), func(w io.Writer) error {
				return jpeg.Encode(w, fundus(2048, 1536, rng), &jpeg.Options{Quality: 90})
			}
			if kind == "png-512" {
				name, encode = fmt.Sprintf("%03d.png", i), func(w io.Writer) error {
					return png.Encode(w, fundus(512, 512, rng))
				}
			}
			f, err := os.Create(filepath.Join(dir, kind, name))
			if err != nil {
				return err
			}
			if err := encode(f); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// fundus draws a lit disc on black with a bright spot, dark vessels and the noise of a sensor.
func fundus(w, h int, rng *rand.Rand) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	radius := 0.49 * float64(h)
	phase := make([]float64, 8)
	for i := range phase {
		phase[i] = 2 * math.Pi * rng.Float64()
	}
	for y := range h {
		for x := range w {
			u, v := (float64(x)-float64(w)/2)/radius, (float64(y)-float64(h)/2)/radius
			p := img.Pix[y*img.Stride+4*x:][:4]
			p[3] = 255
			if u*u+v*v > 1 {
				continue
			}
			light := 1 - 0.4*(u*u+v*v) + 0.5*math.Exp(-20*((u-0.5)*(u-0.5)+v*v))
			for i, f := range phase {
				across := v*math.Cos(f) + u*math.Sin(f) + 0.1*math.Sin(6*u+3*f)
				if d := math.Abs(across) * float64(60+20*i); d < 1 {
					light *= 0.7 + 0.3*d
				}
			}
			noise := 3 * rng.NormFloat64()
			for c, base := range [3]float64{190, 95, 45} {
				p[c] = uint8(min(max(base*light+noise+2*rng.NormFloat64(), 0), 255))
			}
		}
	}
	return img
}

package picture

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// SVG is the picture for a browser. Boxes are the darker the more of the
// multiply-adds they have.
func (p *Picture) SVG() ([]byte, error) {
	l, err := p.arrange()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" `+
		`font-family="Helvetica,Arial,sans-serif" font-size="12" text-anchor="middle">`+"\n", l.width, l.height, l.width, l.height)
	b.WriteString(`<style>path{fill:none;stroke:#888}rect{stroke:#555}.e{font-size:10px;fill:#666}.t{font-weight:bold}</style>` + "\n" +
		`<marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">` +
		`<polygon points="0 1 8 4 0 7" fill="#888"/></marker>` + "\n" + `<rect width="100%" height="100%" fill="#fff" style="stroke:none"/>` + "\n")
	for _, from := range p.boxes {
		for _, to := range p.boxes {
			if chain := l.chains[[2]int64{from.id, to.id}]; chain != nil {
				drawEdge(&b, chain, p.labels[[2]int64{from.id, to.id}])
			}
		}
	}
	for _, s := range slices.Concat(l.layers...) {
		if s.box != nil {
			drawBox(&b, s, p.total)
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// drawEdge draws a curve that is vertical at its ends and where it passes a layer.
func drawEdge(b *bytes.Buffer, chain []*place, label string) {
	first, second := chain[0], chain[1]
	x, y := first.x, first.y+first.height/2
	fmt.Fprintf(b, `<path marker-end="url(#a)" d="M%.0f %.0f`, x, y)
	for _, s := range chain[1:] {
		top := s.y - s.height/2
		middle := (y + top) / 2
		fmt.Fprintf(b, "C%.0f %.0f %.0f %.0f %.0f %.0f", x, middle, s.x, middle, s.x, top)
		if x, y = s.x, top; s.box == nil {
			y += s.height
			fmt.Fprintf(b, "V%.0f", y)
		}
	}
	b.WriteString(`"/>` + "\n")
	if label != "" && len(first.down) == 1 && len(second.up) == 1 { // else it would lie on another edge
		fmt.Fprintf(b, `<text class="e" text-anchor="start" x="%.0f" y="%.0f">%s</text>`+"\n",
			(first.x+second.x)/2+4, (first.y+first.height/2+second.y-second.height/2)/2+3, escape(label))
	}
}

func drawBox(b *bytes.Buffer, s *place, total int64) {
	radius, fill := 4.0, "#f7f7f7"
	switch {
	case s.box.end:
		radius, fill = s.height/2, "#e3eefc"
	case s.box.mul > 0:
		shade := min(1, 4*float64(s.box.mul)/float64(total)) // of orange, full at a quarter of all
		fill = fmt.Sprintf("#%02x%02x%02x", 255, 246-int(70*shade), 230-int(170*shade))
	}
	fmt.Fprintf(b, `<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" rx="%.0f" fill="%s"/>`+"\n",
		s.x-s.width/2, s.y-s.height/2, s.width, s.height, radius, fill)
	for i, line := range s.box.lines() {
		class := ""
		if i == 0 && s.box.grouped {
			class = ` class="t"`
		}
		fmt.Fprintf(b, `<text%s x="%.0f" y="%.0f">%s</text>`+"\n", class, s.x,
			s.y-s.height/2+padding+lineHeight*(float64(i)+0.6), escape(line))
	}
}

func escape(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}

package figures

import (
	"bytes"
	"encoding/xml"
	"html"
	"io"
	"strings"
	"testing"

	"fovea/evaluation"
)

// TestHostileNames: names of classes that hold markup, line ends, escape sequences or marks of direction are seen in an
// SVG file, which stays XML.
func TestHostileNames(t *testing.T) {
	names := []string{"<script>", "a\nb", "\x1b[31mc", "d\u202ee"}
	p := &evaluation.Predictions{Classes: names}
	for i := range 8 {
		row := evaluation.Prediction{Label: i % 4, Probabilities: []float64{0.1, 0.1, 0.1, 0.1}}
		row.Probabilities[(i*3)%4] = 0.7
		p.Rows = append(p.Rows, row)
	}
	confusion, err := Confusion(p, "title\n\x1b[31m")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Figure{confusion, Classes(names, []Split{{"train\x1b", []int{1, 2, 3, 4}}}, "title\n\x1b[31m")} {
		var svg bytes.Buffer
		if err := f.WriteSVG(&svg); err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		d := xml.NewDecoder(bytes.NewReader(svg.Bytes()))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := token.(xml.CharData); ok {
				text.Write(c)
			}
		}
		got := html.UnescapeString(text.String())
		for _, want := range []string{"<script>", `a\nb`, `\x1b[31mc`, `d\u202ee`, `title\n\x1b[31m`} {
			if !strings.Contains(got, want) {
				t.Errorf("the figure lacks %s: %.600q", want, got)
			}
		}
		if strings.ContainsAny(svg.String(), "\x1b\u202e") || strings.Contains(svg.String(), "<script") {
			t.Error("a name is not escaped")
		}
	}
}

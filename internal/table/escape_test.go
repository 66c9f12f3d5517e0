package table

import (
	"bytes"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestEscape: what OWASP lists is escaped, what anybody else wrote stays, and what a cell holds comes back.
func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "a=b": "a=b", "'": "'", "'abc": "'abc", "''": "'''", "''abc": "'''abc", "=1+1": "'=1+1", "+1": "'+1",
		"-1.5": "'-1.5", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx", "＝1": "'＝1", "'=x": "''=x",
		"\xff=": "\xff=", " =x": " =x",
	} {
		if got := Escape(text); got != want {
			t.Errorf("Escape(%q) = %q, want %q", text, got, want)
		}
	}
	for cell, want := range map[string]string{"'abc": "'abc", "''abc": "''abc", "'": "'", "''": "''", "'=1": "=1", "=1": "=1",
		"'-1.5": "-1.5", "-1.5": "-1.5", "'é": "'é"} {
		if got := Unescape(cell); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", cell, got, want)
		}
	}
	WritePlain(true)
	defer WritePlain(false)
	for text, want := range map[string]string{"=1+1": "=1+1", "'=1": "''=1", "'a": "'a"} {
		if got := Escape(text); got != want {
			t.Errorf("plain: Escape(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestEscapeRoundTrip: random texts of the characters that count come back through a file, escaped or plain, and none
// that is escaped begins with a formula.
func TestEscapeRoundTrip(t *testing.T) {
	defer WritePlain(false)
	random := rand.New(rand.NewPCG(7, 20))
	parts := []string{"'", "'", "=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "a", "1", ",", ";", `"`, " ", "é", "\xff"}
	for range 500 {
		rows := [][]string{{"path", "label"}}
		for range 5 {
			row := make([]string, 2)
			for i := range row {
				for strings.TrimSpace(row[i]) == "" || strings.Contains(row[i], "\r\n") {
					row[i] = ""
					for range 1 + random.IntN(5) {
						row[i] += parts[random.IntN(len(parts))]
					}
				}
			}
			rows = append(rows, row)
		}
		WritePlain(random.IntN(2) == 0)
		var file bytes.Buffer
		out := csv.NewWriter(&file)
		for _, row := range rows {
			cells := []string{Escape(row[0]), Escape(row[1])}
			for _, cell := range cells {
				if !plain.Load() && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
					t.Fatalf("the cell %q is a formula", cell)
				}
			}
			out.Write(cells)
		}
		out.Flush()
		in, err := NewReader(&file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range rows[1:] {
			got, err := in.Read()
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("%q came back as %q (%v)", want, got, err)
			}
		}
		if _, err := in.Read(); err != io.EOF {
			t.Fatalf("after the last row: %v", err)
		}
	}
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"fovea/onnx"
)

// hostile is a name that clears the screen, begins a line of its own and turns the direction of text.
const hostile = "x\nforged: \x1b[31m\r\u202ey\u009b2J"

// TestHostileNames: no name of a file, class, column, key or piece of metadata reaches standard error or a text for
// people as it is; a CSV file has the exact bytes.
func TestHostileNames(t *testing.T) {
	folder := filepath.Join(t.TempDir(), hostile)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Skip(err)
	}
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	image := file(hostile+"\xff.png", "no image")
	quoted := `"` + hostile + `"`
	var table strings.Builder
	fmt.Fprintf(&table, "path,label,predicted,a,%s\n", quoted)
	for i := range 20 {
		label := []string{"a", quoted}[i%2]
		fmt.Fprintf(&table, "%d %s,%s,a,0.%d,0.%d\n", i, "p.png", label, 3+i%4, 7-i%4)
	}
	predictions := file("p.csv", table.String())
	m, err := onnx.Open(described(t, "8"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	onnx.SetMetadata(m.Proto, hostile, hostile+hostile)
	m.Proto.ProducerName = new(string)
	*m.Proto.ProducerName = hostile
	m.Proto.Graph.Node[0].Name = m.Proto.ProducerName
	m.Proto.Graph.Node[0].Output[0] += hostile
	for _, n := range m.Proto.Graph.Node {
		for i, in := range n.Input {
			if in+hostile == m.Proto.Graph.Node[0].Output[0] {
				n.Input[i] += hostile
			}
		}
	}
	model := filepath.Join(folder, "model.onnx")
	if err := onnx.Save(model, m.Proto, onnx.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"predict", "-model", filepath.Join(folder, hostile), image},
		append(append([]string{"predict"}, foreignModel...), "-out", filepath.Join(folder, "out.csv"), image),
		append(append([]string{"predict"}, foreignModel...), filepath.Join(folder, "none", hostile)),
		{"predict", "-model", model, "-threshold", hostile + "=0.5", image},
		{"predict", "-" + hostile}, {hostile}, {"predict", "-format", hostile, "-model", model, image},
		{"eval", "-predictions", predictions}, {"eval", "-predictions", model},
		{"compare", predictions, predictions}, {"compare", predictions, filepath.Join(folder, hostile)},
		{"inspect", model}, {"inspect", model, "-list"}, {"inspect", image},
		{"explain", "-model", model, "-out", folder, image}, {"explain", "-model", model, "-class", hostile, image},
		{"gradcheck", "-model", model},
		{"differentiate", "-model", model, "-wrt", hostile, "-out", filepath.Join(folder, "g.onnx")},
		{"-config", file("a.toml", "\"k\\n\\u001b\" = 1\n")}, {"-config", file("b.toml", "name = \"\x1b\"\n")},
		{"-config", file("c.toml", "[data]\ndir = \"images\"\n"), "-set", hostile + "=1"},
	} {
		code, stdout, stderr := trainer(t, args...)
		for _, text := range []string{stdout, stderr} {
			if strings.ContainsAny(text, "\x1b\r\u202e\u009b") || strings.Contains(text, "\nforged") || !utf8.ValidString(text) {
				t.Errorf("%q (exit code %d) prints %q", args, code, text)
			}
		}
		if stdout+stderr == "" && args[0] != "predict" {
			t.Errorf("%q prints nothing", args)
		}
	}
	_, stdout, _ := trainer(t, append(append([]string{"predict"}, foreignModel...), image)...)
	if !strings.Contains(stdout, `"`+image+`"`) {
		t.Errorf("the table has other bytes than the name: %q", stdout)
	}
}

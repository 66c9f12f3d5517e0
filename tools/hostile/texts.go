//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const million = 1 << 20

// configs adds config files and descriptions of a model beside it.
func (g *generator) configs() {
	args := []string{"-config", "{}/c.toml", "-set", "output.dir={}/runs"}
	valid := "[data]\ndir = \"nowhere\"\nmean = [0.1, 0.2, 0.3]\n[model]\narch = 'vit_tiny_patch16'\n"
	g.damage("config", "c.toml", []byte(valid), 24, args...)
	for name, doc := range map[string][3]string{ // head, part, tail
		"arrays": {"a = ", "[", ""}, "tables": {"a = ", "{a=", ""}, "header": {"[a", ".a", "]"}, "key": {"a", ".a", " = 1"},
		"long-key": {"k", "k", " = 1"}, "long-value": {"name = \"", "v", "\""}, "quotes": {"name = \"", "\\\"", "\""},
		"unclosed": {"name = '''", "v", ""}, "number": {"seed = 1", "0", ""}, "float": {"[optimizer]\nlr = 0.", "1", ""},
		"array": {"[data]\nmean = [", "1,", "1]"}, "comment": {"", "#", ""}, "space": {"", " ", "\n"}, "returns": {"", "\r", ""},
		"zeros": {"", "\x00", ""}, "wide": {"\xff\xfe", "a\x00", ""}, "escapes": {"name = \"", "\\u0000", "\""},
		"data-dir": {"[data]\ndir = \"", "d", "\""}, "provider": {"[runtime]\nprovider = \"", "d", "\""},
		"bad-utf8": {"name = \"", "\xff", "\""}, "escape": {"name = \"", "\x1b", "\""}, "combining": {"name = \"e", "\u0301", "\""},
	} {
		for _, n := range []int{1000, 500_000, 2_000_000} {
			g.repeated("config", fmt.Sprintf("%s-%d", name, n), "c.toml", doc[0], doc[1], n, doc[2], args...)
		}
	}
	g.sparse("config", "terabyte", "c.toml", []byte(valid), 1<<40, args...)
	var keys, sections, repeats, dotted strings.Builder
	for i := range 80_000 {
		fmt.Fprintf(&keys, "k%d=1\n", i)
		fmt.Fprintf(&sections, "[s%d]\n", i)
		fmt.Fprintf(&repeats, "[[data]]\n")
		fmt.Fprintf(&dotted, "data.k%d=1\n", i)
	}
	for name, doc := range map[string]string{"keys": keys.String(), "sections": sections.String(), "lists": repeats.String(),
		"dotted": dotted.String()} {
		g.file("config", name, "c.toml", []byte(doc), args...)
		g.file("config", name+"-some", "c.toml", []byte(doc[:20_000]), args...)
	}

	onnx := g.read(model)
	beside := func(name, file string, content []byte) {
		g.add(input{reader: "sidecar", name: name, path: file, args: classify("-model", "{}/m.onnx", image),
			big: len(content) > most, write: func(dir string) error {
				if err := os.WriteFile(filepath.Join(dir, "m.onnx"), onnx, 0o666); err != nil {
					return err
				}
				return os.WriteFile(filepath.Join(dir, file), content, 0o666)
			}})
	}
	description := `{"classes": ["a", "b", "c", "d"], "size": 8, "crop": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}`
	for i, b := range damaged([]byte(description), 16, g.rng) {
		beside(fmt.Sprintf("damage%d", i), "m.json", b)
	}
	for name, doc := range map[string]string{
		"deep": strings.Repeat("[", million), "deep-key": strings.Repeat(`{"a":`, million), "key": `{"` + strings.Repeat("k", million) + `": 1}`,
		"class": `{"classes": ["` + strings.Repeat("k", million) + `"]}`, "classes": `{"classes": [` + strings.Repeat(`"a",`, million) + `"b"]}`,
		"size": `{"size": 9223372036854775807}`, "size-large": `{"size": 100000}`, "crop": `{"size": 8, "crop": 1e-300}`,
		"means": `{"mean": [` + strings.Repeat("1,", million) + `1]}`, "big": `{"classes": ["` + strings.Repeat("k", 32*million) + `"]}`,
	} {
		beside(name, "m.json", []byte(doc))
	}
	for name, doc := range map[string]string{"deep": "classes = " + strings.Repeat("[", million/2),
		"key": strings.Repeat("k", million/2) + " = 1", "keys": strings.Repeat("size = 1\n", 20_000)} {
		beside("toml-"+name, "m.toml", []byte(doc))
	}
}

// tables adds tables of labels, predictions and metrics, and lists of names and paths.
func (g *generator) tables() {
	predictions := []string{"eval", "-predictions", "{}/t.csv", "-out", "{}/out"}
	compare := []string{"compare", "{}/t.csv", "evaluation/testdata/tables/pred_float.csv"}
	labels := []string{"eval", "-predictions", "evaluation/testdata/tables/pred_float.csv", "-labels", "{}/t.csv",
		"-out", "{}/out"}
	valid := map[string][]byte{"predictions": g.read("evaluation/testdata/tables/pred_float.csv"),
		"labels": []byte("path,label\nimg0.png,0\nimg1.png,1\nimg2.png,2\n"), "compare": []byte("accuracy,f1,roc_auc\n0.5,0.5,0.5\n")}
	for _, c := range []struct {
		reader string
		args   []string
		header string
	}{{"predictions", predictions, "path,label,a,b\n"}, {"labels", labels, "path,label\n"}, {"compare", compare, "accuracy,f1\n"}} {
		g.damage(c.reader, "t.csv", valid[c.reader], 24, c.args...)
		for name, doc := range map[string][3]string{
			"line": {c.header, "x", ""}, "columns": {c.header, ",", ""}, "header": {"path,label", ",c", "\n"}, "quote": {c.header + "\"", "x\n", ""},
			"cell": {c.header + "a,", "x", "\n"}, "blank": {c.header, "\n", ""}, "zeros": {"", "\x00", ""}, "wide": {"\xff\xfe", "a\x00,\x00", ""},
			"name": {"path,label,", "n", "\n1,2,3\n"}, "quotes": {"", "\"", ""}, "seps": {"sep=;\n", ";", ""}, "returns": {c.header, "a,b\r", ""},
			"spaces": {c.header, " ", ""}, "number": {c.header + "a,0,0.", "5", ",0.5\n"}, "exponent": {c.header + "a,0,1e", "9", ",0\n"},
			"label": {c.header + "a,", "l", ",0.5,0.5\n"}, "path": {c.header, "/p", ",a,0.5,0.5\n"}, "escape": {c.header + "\x1b[2J", "\x1b]", ",a,1,0\n"},
		} {
			for _, n := range []int{1000, 3 * million} {
				g.repeated(c.reader, fmt.Sprintf("%s-%d", name, n), "t.csv", doc[0], doc[1], n, doc[2], c.args...)
			}
		}
		g.repeated(c.reader, "gigabyte", "t.csv", c.header+"\"", "x", 1<<30, "", c.args...)
		g.repeated(c.reader, "gigabyte-quote", "t.csv", c.header+"\"", "x,y\n", 1<<28, "", c.args...)
		g.sparse(c.reader, "terabyte", "t.csv", []byte(c.header), 1<<40, c.args...)
	}
	var rows strings.Builder
	rows.WriteString("path,label,a,b\n")
	for i := range 200_000 {
		fmt.Fprintf(&rows, "image%d.png,%d,0.25,0.75\n", i, i%2)
	}
	g.file("predictions", "rows", "t.csv", []byte(rows.String()), append(predictions, "-resamples", "10")...)

	names := classify("-model", model, "-classes", "{}/c.txt", image)
	g.damage("names", "c.txt", []byte("alpha\nbeta\ngamma\n"), 16, names...)
	for name, doc := range map[string][3]string{"name": {"a\nb\n", "c", "\n"}, "names": {"", "name\n", ""}, "zeros": {"", "\x00", ""},
		"blank": {"", "\n", ""}, "returns": {"", "a\r", ""}, "quotes": {"", "\"\"\n", ""}, "wide": {"\xff\xfe", "\n\x00", ""}} {
		for _, n := range []int{10_000, 64 * million} {
			g.repeated("names", fmt.Sprintf("%s-%d", name, n), "c.txt", doc[0], doc[1], n, doc[2], names...)
		}
	}
	paths := classify("-model", model, "-classes", "a,b,c,d", "-")
	for name, doc := range map[string][3]string{"path": {"a/", "b", ""}, "paths": {"", "x.png\n", ""}, "zeros": {"", "\x00", ""},
		"deep": {"", "ä/", ""}, "parents": {"ä", "/..", ""}} {
		for _, n := range []int{1000, 50_000} {
			g.repeated("paths", fmt.Sprintf("%s-%d", name, n), "p.txt", doc[0], doc[1], n, doc[2], paths...)
			g.inputs[len(g.inputs)-1].stdin = "p.txt"
		}
	}
	for i, b := range damaged([]byte(image+"\n"+image+"\n"), 8, g.rng) {
		g.file("paths", fmt.Sprintf("damage%d", i), "p.txt", b, paths...)
		g.inputs[len(g.inputs)-1].stdin = "p.txt"
	}
}

// A part is a member of a zip archive.
type part struct {
	name    string
	content io.Reader
}

// empty returns n members without content, called by their numbers.
func empty(format string, n int) []part {
	out := make([]part, n)
	for i := range out {
		out[i] = part{fmt.Sprintf(format, i), strings.NewReader("")}
	}
	return out
}

// zipped returns an archive.
func (g *generator) zipped(parts ...part) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, p := range parts {
		f, err := w.Create(p.name)
		if err == nil {
			_, err = io.Copy(f, p.content)
		}
		g.errs = append(g.errs, err)
	}
	g.errs = append(g.errs, w.Close())
	return b.Bytes()
}

// times reads head, n times text, and tail.
func times(head, text string, n int, tail string) io.Reader {
	chunk := strings.Repeat(text, 1+(1<<16)/len(text))
	rest := strings.NewReader(strings.Repeat(text, n%(len(chunk)/len(text))))
	readers := []io.Reader{strings.NewReader(head)}
	for range n / (len(chunk) / len(text)) {
		readers = append(readers, strings.NewReader(chunk))
	}
	return io.MultiReader(append(readers, rest, strings.NewReader(tail))...)
}

// workbooks adds xlsx files.
func (g *generator) workbooks() {
	args := []string{"eval", "-predictions", "{}/t.xlsx", "-out", "{}/out"}
	for _, name := range []string{"excel", "two_sheets"} {
		g.damage("workbook", "t.xlsx", g.read("internal/table/testdata/"+name+".xlsx"), 24, args...)
	}
	const sheet = "xl/worksheets/sheet1.xml"
	book := func(name string, parts ...part) {
		g.lazy("workbook", name, "t.xlsx", func() []byte { return g.zipped(parts...) }, args...)
	}
	text := func(name, text string) part { return part{name, strings.NewReader(text)} }
	head := `<worksheet><sheetData>`
	header := head + `<row><c t="inlineStr"><is><t>path</t></is></c><c t="inlineStr"><is><t>label</t></is></c></row>`
	for name, doc := range map[string][3]string{
		"rows": {header, "<row/>", ""}, "cells": {head + "<row>", "<c/>", "</row>"}, "deep": {head, "<a>", ""}, "spaces": {head, " ", ""},
		"texts": {head + "<row><c><v>", "v", "</v></c></row>"}, "values": {head + "<row><c>", "<v>1</v>", "</c></row>"},
		"far": {header, `<row><c r="XFD1"/></row>`, ""}, "rows-of-values": {header, `<row><c><v>a</v></c><c><v>1</v></c></row>`, ""},
		"attributes": {head + "<row ", `a="b" `, "/>"}, "runs": {head + `<row><c t="inlineStr"><is>`, "<r><t>a</t></r>", "</is></c></row>"},
		"comment": {head + "<!--", "-a", "-->"}, "entity": {`<!DOCTYPE a [`, `<!ENTITY a "aa">`, "]><a>&a;</a>"},
	} {
		for _, n := range []int{1000, 40 * million} {
			book(fmt.Sprintf("%s-%d", name, n), part{sheet, times(doc[0], doc[1], n, doc[2])})
		}
	}
	for _, n := range []int{1000, 4 * million} {
		book(fmt.Sprintf("strings-%d", n), part{"xl/sharedStrings.xml", times("<sst>", "<si><t/></si>", n, "</sst>")}, text(sheet, header))
		book(fmt.Sprintf("runs-of-strings-%d", n), part{"xl/sharedStrings.xml", times("<sst><si>", "<r><t>a</t></r>", n, "</si></sst>")},
			text(sheet, header))
		book(fmt.Sprintf("sheets-%d", n), part{"xl/workbook.xml", times("<workbook>", `<sheet name="a" r:id="1"/>`, n, "</workbook>")},
			part{"xl/_rels/workbook.xml.rels", times("<r>", `<Relationship Id="1" Target="worksheets/sheet1.xml"/>`, n, "</r>")},
			part{sheet, times(head, "<row/>", million, "")})
	}
	sheets := `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">`
	book("sheets-900", part{"xl/workbook.xml", times(sheets, `<sheet name="a" r:id="1"/>`, 900, "</workbook>")},
		text("xl/_rels/workbook.xml.rels", `<r><Relationship Id="1" Target="worksheets/sheet1.xml"/></r>`),
		part{sheet, times(head, "<row/>", million, "")})
	book("target", text("xl/workbook.xml", sheets+`<sheet r:id="1"/></workbook>`), text("xl/_rels/workbook.xml.rels",
		`<r><Relationship Id="1" Target="`+strings.Repeat("../", million/4)+`worksheets/x"/></r>`))
	book("shared-index", text(sheet, head+`<row><c t="s"><v>-1</v></c></row>`))
	book("reference", text(sheet, head+`<row><c r="`+strings.Repeat("Z", million)+`"/></row>`))
	g.lazy("workbook", "members", "t.xlsx", func() []byte { return g.zipped(empty("%d", 100_000)...) }, args...)
	g.sparse("workbook", "sparse", "t.xlsx", []byte("PK\x03\x04"), 1<<30, args...)
}

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o666) }

// resume adds a copy of the run folder in which a file was changed. The copy is resumed.
func (g *generator) resume(reader, name, file string, change func(path string) error) {
	g.add(input{reader: reader, name: name, path: "runs/retinamnist/" + file, args: append(runArguments("{}/runs"), "-resume"),
		write: func(dir string) error {
			to := filepath.Join(dir, "runs", "retinamnist")
			if err := os.CopyFS(to, os.DirFS(g.run)); err != nil {
				return err
			}
			return change(filepath.Join(to, filepath.FromSlash(file)))
		}})
}

// runArguments trains a model of a few thousand parameters for one step.
func runArguments(out string) []string {
	args := []string{"-config", "configs/retinamnist.toml"}
	for _, s := range []string{"output.dir=" + out, "model.width=16", "model.depth=1", "model.heads=2", "schedule.epochs=1", "schedule.warmup=0",
		"training.max_steps=1", "data.dir=data/testdata/retinamnist"} {
		args = append(args, "-set", s)
	}
	return args
}

// checkpoints adds run folders with damaged files.
func (g *generator) checkpoints() {
	if g.run == "" {
		return
	}
	for _, name := range []string{"state.json", "model.safetensors", "optimizer.safetensors"} {
		file := "checkpoints/last/" + name
		b, err := os.ReadFile(filepath.Join(g.run, file))
		if err != nil {
			g.errs = append(g.errs, err)
			return
		}
		for i, c := range damaged(b, 12, g.rng) {
			g.resume("checkpoint", fmt.Sprintf("%s-damage%d", name, i), file, func(path string) error { return os.WriteFile(path, c, 0o666) })
		}
		g.resume("checkpoint", name+"-sparse", file, func(path string) error { return os.Truncate(path, 1<<33) })
		g.resume("checkpoint", name+"-empty", file, func(path string) error { return os.Truncate(path, 0) })
		g.resume("checkpoint", name+"-folder", file, func(path string) error {
			os.Remove(path)
			return os.Mkdir(path, 0o777)
		})
	}
	state := func(name, content string) {
		g.resume("checkpoint", "state-"+name, "checkpoints/last/state.json", func(path string) error {
			return os.WriteFile(path, []byte(content), 0o666)
		})
	}
	state("deep", strings.Repeat("[", 4*million))
	state("deep-state", `{"Format":1,"State":`+strings.Repeat(`{"a":`, million))
	state("key", `{"`+strings.Repeat("k", 4*million)+`":`)
	state("large", `{"Format":1,"Files":{`+strings.Repeat(" ", 300*million))
	state("format", `{"Format":1e999}`)
	for _, name := range []string{"config.toml", "metrics_val.csv", "log.txt"} {
		for i, c := range damaged([]byte("[data]\ndir = \"x\"\n"), 4, g.rng) {
			g.resume("checkpoint", fmt.Sprintf("%s-damage%d", name, i), name, func(path string) error { return os.WriteFile(path, c, 0o666) })
		}
	}
}

// archives adds downloads of data sets.
func (g *generator) archives() {
	args := []string{"prepare", "octid", "{}/x.zip", "{}/out", "-any-count"}
	jpeg := string(g.read("data/pixels/testdata/kinds/rgb444_q100.jpg"))
	// complete returns an archive with images of each class.
	complete := func(more ...part) []byte {
		for i := range 20 {
			name := []string{"NORMAL", "AMRD", "CSR", "DR", "MH"}[i%5]
			content := jpeg + strings.Repeat("\x00", i)
			more = append(more, part{fmt.Sprintf("%s/%s9%d.jpg", name, name, i), strings.NewReader(content)})
		}
		return g.zipped(more...)
	}
	valid := complete()
	g.damage("archive", "x.zip", valid, 32, args...)
	g.damage("archive", "x.zip", valid[len(valid)-1000:], 8, args...)
	add := func(name string, parts ...part) {
		g.lazy("archive", name, "x.zip", func() []byte { return complete(parts...) }, args...)
	}
	image := func(name string, n int) part { return part{name, times("", "\x00", n, "")} }
	add("bomb", image("NORMAL/NORMAL1.jpg", 120*million))
	add("bomb-large", image("NORMAL/NORMAL1.jpg", 400*million))
	add("bomb-table", image("train.csv", 120*million), part{"NORMAL/a.jpg", strings.NewReader(jpeg)})
	add("parent", part{"../../x.jpg", strings.NewReader(jpeg)})
	add("name", part{strings.Repeat("n", 60_000) + ".jpg", strings.NewReader(jpeg)})
	add("escape", part{"NORMAL/\x1b[2J\n.jpg", strings.NewReader(jpeg)})
	inner := valid
	for i := range 5 {
		inner = g.zipped(part{"a.zip", bytes.NewReader(inner)})
		g.file("archive", fmt.Sprintf("nested%d", i), "x.zip", inner, args...)
	}
	g.lazy("archive", "inner-bomb", "x.zip", func() []byte {
		return g.zipped(part{"a.zip", bytes.NewReader(g.zipped(image("b.zip", 300*million)))})
	}, args...)
	add("inner-zeros", image("a.zip", 300*million))
	add("members", empty("NORMAL/NORMAL%d.jpg", 100_000)...)
	g.sparse("archive", "sparse", "x.zip", []byte("PK\x03\x04"), 1<<33, args...)
	for i, b := range damaged(g.read("internal/table/testdata/excel.xlsx"), 8, g.rng) {
		g.file("archive", fmt.Sprintf("table%d", i), "x.zip", g.zipped(part{"Groundtruths/x.xlsx", bytes.NewReader(b)},
			part{"images/1.jpg", strings.NewReader(jpeg)}), "prepare", "idrid", "{}/x.zip", "{}/out", "-any-count")
	}
}

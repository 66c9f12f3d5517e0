package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const page = "architecture.md"

// The most files of a package, without tests.
const (
	mostFiles         = 30
	mostTrainingFiles = 18
)

// A code holds the packages of the module by their path below it.
type code map[string]*pkg

// A pkg is a package as it is without its tests, on all systems together.
type pkg struct {
	files   []string          // paths from the module's root
	imports map[string]string // packages of the module, with a file that imports each
}

// readCode parses all files instead of asking go list: go test then knows that its result depends on them, and files
// for other systems count too.
func readCode(t *testing.T) code {
	all := code{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != ".."):
			return filepath.SkipDir
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		file = strings.TrimPrefix(filepath.ToSlash(file), "../")
		p := all[path.Dir(file)]
		if p == nil {
			p = &pkg{imports: map[string]string{}}
			all[path.Dir(file)] = p
		}
		p.files = append(p.files, file)
		for _, i := range source.Imports {
			if name, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "fovea/"); ours {
				p.imports[name] = file
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// below reports whether a package is one of names or, of a name that ends in /..., below it.
func below(p string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		parent, all := strings.CutSuffix(name, "/...")
		return p == parent || all && strings.HasPrefix(p, parent+"/")
	})
}

// tables returns the rows of all tables of the page that begin with a header.
func tables(t *testing.T, header string) [][][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found [][][]string
	for _, part := range strings.Split(string(text), "\n"+header+"\n")[1:] {
		var rows [][]string
		for _, line := range strings.Split(part, "\n")[1:] {
			if !strings.HasPrefix(line, "|") {
				break
			}
			rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
		}
		found = append(found, rows)
	}
	if found == nil {
		t.Fatalf("%s has no table %s", page, header)
	}
	return found
}

var quoted = regexp.MustCompile("`([^`]+)`")

// names returns what stands in backticks.
func names(cell string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}

// first returns what stands in backticks first.
func first(t *testing.T, cell string) string {
	t.Helper()
	found := names(cell)
	if found == nil {
		t.Fatalf("docs/%s: nothing stands in backticks in the cell %q", page, cell)
	}
	return found[0]
}

// Each import stays in its room or leads to a room that the page allows. Each room that the page allows is used, and
// stands further down.
func TestRooms(t *testing.T) {
	all := readCode(t)
	allowed := map[string][]string{}
	var order []string
	for _, row := range tables(t, "| room | its one job | may import |")[0] {
		room := first(t, row[0])
		order = append(order, room)
		allowed[room] = names(row[2])
	}
	roomOf := func(p string) string {
		for p != "." && !slices.Contains(order, p) {
			p = path.Dir(p)
		}
		return p
	}
	used := map[[2]string]bool{}
	empty := maps.Clone(allowed)
	for name, p := range all {
		room := roomOf(name)
		if room == "." {
			t.Errorf("package %s is in no room: add a row to the table of rooms in docs/%s", name, page)
			continue
		}
		delete(empty, room)
		for imported, file := range p.imports {
			to := roomOf(imported)
			used[[2]string{room, to}] = true
			if to != room && !slices.Contains(allowed[room], to) {
				t.Errorf("%s: package %s imports %s, but docs/%s lets the room %s import only %s", file, name, imported,
					page, room, strings.Join(append(allowed[room], "itself"), ", "))
			}
		}
	}
	for i, room := range order {
		if _, unused := empty[room]; unused {
			t.Errorf("docs/%s: the room %s has no package", page, room)
		}
		for _, to := range allowed[room] {
			if !slices.Contains(order[i+1:], to) {
				t.Errorf("docs/%s: the room %s may import %s, which is no room further down the table", page, room, to)
			} else if !used[[2]string{room, to}] {
				t.Errorf("docs/%s: the room %s may import %s, but does not: take it out of the row", page, room, to)
			}
		}
	}
}

// No package reaches what the page puts out of its reach, not even by way of others. Of several ways the shortest is
// told, and none that leads through another package of the same rule.
func TestReach(t *testing.T) {
	all := readCode(t)
	for _, row := range tables(t, "| no package of | reaches |")[0] {
		from, to := names(row[0]), names(row[1])
		for _, name := range from {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(p string) bool { return below(p, name) }) {
				t.Errorf("docs/%s: there is no package %s", page, name)
			}
		}
		for name := range all {
			if !below(name, from...) {
				continue
			}
			var shortest []string
			for reached, way := range all.reach(name) {
				if below(reached, to...) && (shortest == nil || len(way) < len(shortest)) {
					shortest = way
				}
			}
			if shortest != nil && !slices.ContainsFunc(shortest[1:], func(p string) bool { return below(p, from...) }) {
				t.Errorf("package %s reaches %s (%s): docs/%s forbids it", name, shortest[len(shortest)-1],
					strings.Join(shortest, " → "), page)
			}
		}
	}
}

// reach returns the packages that a package imports, also by way of others, with one way to each.
func (all code) reach(from string) map[string][]string {
	ways := map[string][]string{}
	next := [][]string{{from}}
	for len(next) > 0 {
		way := next[0]
		next = next[1:]
		for imported := range all[way[len(way)-1]].imports {
			if _, known := ways[imported]; known || all[imported] == nil {
				continue
			}
			ways[imported] = append(slices.Clone(way), imported)
			next = append(next, ways[imported])
		}
	}
	return ways
}

func TestSizes(t *testing.T) {
	for name, p := range readCode(t) {
		most := mostFiles
		switch name {
		case "training":
			most = mostTrainingFiles
		case "onnx/pb": // generated
			continue
		}
		if n := len(p.files); n > most {
			t.Errorf("package %s has %d files without its tests, the most are %d: docs/%s says why", name, n, most, page)
		}
	}
}

// A way passes no package twice, and each function of it exists in its package.
func TestWays(t *testing.T) {
	all := readCode(t)
	for _, way := range tables(t, "| package | functions in order | what happens |") {
		seen := map[string]bool{}
		for _, row := range way {
			name := first(t, row[0])
			if seen[name] {
				t.Errorf("docs/%s: a way passes package %s twice", page, name)
			}
			seen[name] = true
			if all[name] == nil {
				t.Errorf("docs/%s: there is no package %s", page, name)
				continue
			}
			var text strings.Builder
			for _, file := range all[name].files {
				text.WriteString(read(t, file))
			}
			for _, f := range names(row[1]) {
				if !declares(text.String(), f) {
					t.Errorf("docs/%s: package %s has no function %s", page, name, f)
				}
			}
		}
	}
}

// Each thing that the page says where to find is there.
func TestWhereIs(t *testing.T) {
	for _, row := range tables(t, "| you look for | file | function or name |")[0] {
		file, name := first(t, row[1]), first(t, row[2])
		text := read(t, file)
		found := strings.Contains(text, name)
		if path.Ext(file) == ".go" {
			found = declares(text, name)
		}
		if !found {
			t.Errorf("docs/%s: %s has no %s", page, file, name)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// declares reports whether Go code declares a name: a function, a type, a variable, or a method Type.Name.
func declares(text, name string) bool {
	pattern := `(?m)^(func|type|var|const|\t) ?` + name + `\b`
	if receiver, method, ok := strings.Cut(name, "."); ok {
		pattern = `(?m)^func \((\w+ )?\*?` + receiver + `\) ` + method + `\b`
	}
	return regexp.MustCompile(pattern).MatchString(text)
}

package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const (
	repositoryRoot = "../.."
	configPath     = "fovea/training/config"
)

// TestEveryKeyIsRead finds, for each key, code that reads its field in its section: a setting that nothing reads would
// promise what does not happen. The code is that of all packages but this one and the maintainers' tools. An assignment
// does not read a field. Where that code calls a method of this package, it reads what the method reads.
func TestEveryKeyIsRead(t *testing.T) {
	p := &program{fset: token.NewFileSet(), packages: map[string]*types.Package{}, uses: map[string]set{},
		methods: map[types.Object]set{}}
	err := filepath.WalkDir(repositoryRoot, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		hidden := dir != repositoryRoot && strings.HasPrefix(d.Name(), ".")
		if hidden || d.Name() == "testdata" || dir == filepath.Join(repositoryRoot, "tools") {
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(repositoryRoot, dir)
		if err != nil {
			return err
		}
		_, err = p.Import(path.Join("fovea", filepath.ToSlash(relative)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read := set{}
	for importPath, used := range p.uses {
		for object := range used {
			if importPath != configPath {
				read[object] = true
				for field := range p.methods[object] {
					read[field] = true
				}
			}
		}
	}
	for _, k := range keys {
		if k.name == "recipe" { // this package reads it, to choose the defaults
			continue
		}
		if !read[p.field(k.Index)] {
			t.Errorf("no code reads %s (%s)", k.name, k.Name)
		}
	}
}

type set map[types.Object]bool

// A program holds the repository's packages with their types. What comes from elsewhere has no types: no config passes
// through it.
type program struct {
	fset     *token.FileSet
	packages map[string]*types.Package
	uses     map[string]set       // import path → the fields and methods that the package selects
	methods  map[types.Object]set // method of this package → the fields and methods that it selects
}

// Import returns the package of an import path, as types.Importer. An empty one stands for a package of another module.
func (p *program) Import(importPath string) (*types.Package, error) {
	if known := p.packages[importPath]; known != nil {
		return known, nil
	}
	relative, own := strings.CutPrefix(importPath+"/", "fovea/")
	if !own {
		empty := types.NewPackage(importPath, path.Base(importPath))
		empty.MarkComplete()
		return empty, nil
	}
	names, err := filepath.Glob(filepath.Join(repositoryRoot, filepath.FromSlash(relative), "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(p.fset, name, nil, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}, Defs: map[*ast.Ident]types.Object{}}
	incomplete := func(error) {} // what has no types, and files of several systems
	checker := types.Config{Importer: p, FakeImportC: true, Error: incomplete}
	checked, _ := checker.Check(importPath, p.fset, files, info)
	p.packages[importPath] = checked
	p.uses[importPath] = set{}
	for _, file := range files {
		for _, declaration := range file.Decls {
			selected := selections(declaration, info)
			for object := range selected {
				p.uses[importPath][object] = true
			}
			if function, ok := declaration.(*ast.FuncDecl); ok && importPath == configPath {
				p.methods[info.Defs[function.Name]] = selected
			}
		}
	}
	return checked, nil
}

// selections returns the fields and methods that a declaration selects, but for the fields that it assigns to.
func selections(declaration ast.Decl, info *types.Info) set {
	selected, assigned := set{}, map[ast.Expr]bool{}
	ast.Inspect(declaration, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if element, ok := left.(*ast.IndexExpr); ok {
					left = element.X
				}
				assigned[left] = true
			}
		case *ast.SelectorExpr:
			if s := info.Selections[n]; s != nil && !assigned[n] {
				selected[s.Obj()] = true
			}
		}
		return true
	})
	return selected
}

// field returns the field of Config that index leads to.
func (p *program) field(index []int) types.Object {
	t := p.packages[configPath].Scope().Lookup("Config").Type()
	var field *types.Var
	for _, i := range index {
		field = t.Underlying().(*types.Struct).Field(i)
		t = field.Type()
	}
	return field
}

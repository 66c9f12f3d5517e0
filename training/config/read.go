package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/viper"
)

const (
	envPrefix  = "FOVEA_"
	envLibrary = "FOVEA_ORT" // names the library for every tool that uses it
)

// notSettings are variables of the project's tests, which a run does not heed.
var notSettings = []string{"FOVEA_CUDA_STUB", "FOVEA_GRADIENTS", "FOVEA_LARGE", "FOVEA_PARAMETERS", "FOVEA_PYTHON"}

// Read reads file, changed by environ (as from os.Environ) and by overrides
// ("section.key=value"), and checks the result with Validate. A config without
// a name is named after its file. The error joins an Error for each thing wrong.
func Read(file string, overrides, environ []string) (*Config, error) {
	r := newReader()
	r.readFile(file)
	r.readEnviron(environ)
	r.readOverrides(overrides)
	c := r.config()
	if c.Name == "" {
		c.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	if len(r.problems) == 0 {
		r.report(c.problems())
	}
	return c, r.err()
}

// ReadRuntime reads the runtime section for commands that take no config file,
// from environ and overrides alone. Overrides of other sections are refused.
func ReadRuntime(overrides, environ []string) (Runtime, error) {
	r := newReader()
	r.readEnviron(environ)
	r.readOverrides(overrides)
	for _, o := range overrides {
		name, _, _ := strings.Cut(o, "=")
		if _, known := findKey(name); known && !strings.HasPrefix(name, "runtime.") {
			r.add("-set "+o, name, errors.New("only keys of [runtime] have an effect here"))
		}
	}
	c := r.config()
	r.report(c.Runtime.problems())
	return c.Runtime, r.err()
}

// A reader gathers values by precedence in viper, where each came from, and
// what is wrong with them.
type reader struct {
	values   *viper.Viper
	sources  map[string]string // key to Error.Source
	fromFile map[string]bool
	problems []error
}

func newReader() *reader {
	v := viper.New()
	v.SetConfigType("toml")
	return &reader{values: v, sources: map[string]string{}, fromFile: map[string]bool{}}
}

func (r *reader) add(source, key string, err error) {
	r.problems = append(r.problems, &Error{Source: source, Key: key, Err: err})
}

// report adds what validation found, with the source of each key.
func (r *reader) report(problems []*Error) {
	for _, p := range problems {
		r.add(r.sources[p.Key], p.Key, p.Err)
	}
}

func (r *reader) err() error { return errors.Join(r.problems...) }

func (r *reader) readFile(file string) {
	doc, err := os.ReadFile(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		r.add(file, "", fmt.Errorf("cannot read the config: %w", err))
		return
	}
	if err := r.values.ReadConfig(bytes.NewReader(doc)); err != nil {
		source := file
		var syntax *toml.DecodeError
		if errors.As(err, &syntax) {
			line, _ := syntax.Position()
			source = fmt.Sprintf("%s:%d", file, line)
			err = fmt.Errorf("not TOML: %s", strings.TrimPrefix(syntax.Error(), "toml: "))
		}
		r.add(source, "", err)
		return
	}
	for _, p := range places(doc) {
		source := fmt.Sprintf("%s:%d", file, p.line)
		isSection := slices.Contains(sections, p.name)
		switch _, known := findKey(p.name); {
		case isSection && p.array:
			r.add(source, p.name, fmt.Errorf("is one section, not a list: write [%s]", p.name))
		case isSection && !p.table:
			r.add(source, p.name, fmt.Errorf("is a section, not a key: write [%s]", p.name))
		case isSection:
		case known && p.table:
			r.add(source, p.name, errors.New("is a key, not a section"))
		case known:
			r.sources[p.name], r.fromFile[p.name] = source, true
		case p.table:
			r.add(source, p.name, unknown("section", p.name, sections))
		case r.inUnknownSection(p.name): // reported once, with the section
		default:
			r.add(source, p.name, unknownKey(p.name))
		}
	}
}

// inUnknownSection tells whether a key stands below a header that no Config has.
func (r *reader) inUnknownSection(name string) bool {
	i := strings.LastIndex(name, ".")
	if i < 0 || slices.Contains(sections, name[:i]) {
		return false
	}
	for _, err := range r.problems {
		if e := err.(*Error); e.Key == name[:i] {
			return true
		}
	}
	return false
}

func (r *reader) readEnviron(environ []string) {
	library := ""
	for _, e := range environ {
		name, text, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" || slices.Contains(notSettings, name) {
			continue
		}
		if name == envLibrary {
			library = text
			continue
		}
		i := slices.IndexFunc(keys, func(k key) bool { return k.env() == name })
		if i < 0 {
			known := []string{envLibrary}
			for _, k := range keys {
				known = append(known, k.env())
			}
			r.add(name, "", unknown("variable", name, known))
			continue
		}
		r.setText(keys[i], name, text)
	}
	if library == "" {
		return
	}
	k, _ := findKey("runtime.library")
	if other, ok := r.values.Get(k.name).(string); ok && r.sources[k.name] == k.env() && other != library {
		r.add(envLibrary, k.name, fmt.Errorf("names %q but %s names %q: unset one", library, k.env(), other))
		return
	}
	r.setText(k, envLibrary, library)
}

func (r *reader) readOverrides(overrides []string) {
	for _, o := range overrides {
		source := "-set " + o
		name, text, ok := strings.Cut(o, "=")
		name = strings.TrimSpace(name)
		k, known := findKey(name)
		switch {
		case !ok:
			r.add(source, "", errors.New("expected section.key=value"))
		case !known:
			r.add(source, name, unknownKey(name))
		default:
			r.setText(k, source, text)
		}
	}
}

// setText stores text over whatever came before.
func (r *reader) setText(k key, source, text string) {
	v := reflect.New(k.typ).Elem()
	if err := k.fromText(v, text); err != nil {
		r.add(source, k.name, err)
		return
	}
	r.values.Set(k.name, v.Interface())
	r.sources[k.name], r.fromFile[k.name] = source, false
}

// config returns the recipe's defaults with every value that was found.
func (r *reader) config() *Config {
	c := Defaults()
	if r.values.Get("recipe") == "retfound" {
		c.likeRETFound()
	}
	for _, k := range keys {
		source, set := r.sources[k.name]
		if !set {
			continue
		}
		v := r.values.Get(k.name)
		if v == nil { // below a [[section]], reported already
			continue
		}
		if !r.fromFile[k.name] {
			k.field(c).Set(reflect.ValueOf(v))
		} else if err := k.fromTOML(k.field(c), v); err != nil {
			r.add(source, k.name, err)
		}
	}
	// A default gives way to the key that excludes it.
	set := func(key string) bool { return r.sources[key] != "" }
	if set("optimizer.blr") && !set("optimizer.lr") && c.Optimizer.BLR > 0 {
		c.Optimizer.LR = 0
	}
	if set("optimizer.lr") && !set("optimizer.blr") && c.Optimizer.LR > 0 {
		c.Optimizer.BLR = 0
	}
	if c.Data.Sampling == "balanced" && !set("data.order") {
		c.Data.Order = "seed"
	}
	if c.Model.ONNX != "" && !set("model.arch") {
		c.Model.Arch = ""
	}
	if c.Model.ONNX != "" && !set("model.drop_path") {
		c.Model.DropPath = 0
	}
	if c.Model.Dimensions().Pool != "mean" && !set("model.fc_norm_twice") {
		c.Model.FCNormTwice = false
	}
	return c
}

func unknownKey(name string) error {
	err := unknown("key", name, keyNames(func(string) bool { return true }))
	if section, _, ok := strings.Cut(name, "."); ok && slices.Contains(sections, section) {
		known := keyNames(func(k string) bool { return strings.HasPrefix(k, section+".") })
		for i := range known {
			known[i] = lastPart(known[i])
		}
		err = fmt.Errorf("%w; [%s] has %s", err, section, strings.Join(known, ", "))
	}
	return err
}

func unknown(what, name string, known []string) error {
	if n := Nearest(name, known); n != "" {
		return fmt.Errorf("unknown %s, did you mean %s?", what, n)
	}
	return fmt.Errorf("unknown %s", what)
}

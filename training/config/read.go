package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/viper"

	"fovea/internal/textfile"
)

const (
	envPrefix  = "FOVEA_"
	envLibrary = "FOVEA_ORT" // names the library for every tool that uses it
)

const standInPrefix = "FOVEA_CUDA_STUB" // of the variables of the stand-ins for CUDA

// notSettings lists variables that are no keys: those of package collective, and of the project's tests.
var notSettings = []string{"FOVEA_CHILD", "FOVEA_GRADIENTS", "FOVEA_LARGE", "FOVEA_MEET", "FOVEA_MPI",
	"FOVEA_NCCL", "FOVEA_PARAMETERS", "FOVEA_PYTHON", "FOVEA_SECRET"}

// Read returns the config that file describes, changed by environ (as from os.Environ) and by overrides
// ("section.key=value"), if Validate accepts it. A config without a name is named after its file. The error joins an
// Error for each thing wrong.
func Read(file string, overrides, environ []string) (*Config, error) {
	r := newReader()
	r.readFile(file)
	r.readEnviron(environ)
	r.readOverrides(overrides, "")
	c := r.config()
	c.Name = cmp.Or(c.Name, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	if len(r.problems) == 0 {
		r.report(c, "")
	}
	return c, r.err()
}

// ReadRuntime returns the runtime section for commands that take no config file, from environ and overrides alone. It
// refuses overrides of other sections.
func ReadRuntime(overrides, environ []string) (Runtime, error) {
	r := newReader()
	r.readEnviron(environ)
	r.readOverrides(overrides, "runtime.")
	c := r.config()
	r.report(c, "runtime.")
	return c.Runtime, r.err()
}

// A Use holds the keys that commands read which use a model and take no config file.
type Use struct {
	Runtime Runtime
	// What a weight file may not say of its model. Their zero value says nothing.
	Heads       int
	FCNormTwice *bool
	WeightsFrom string
}

// ReadUse returns the keys of a Use from environ and overrides. It refuses overrides of others.
func ReadUse(overrides, environ []string) (Use, error) {
	r := newReader()
	r.readEnviron(environ)
	r.readOverrides(overrides, "runtime.", "model.heads", "model.fc_norm_twice", "model.weights_from")
	c := r.config()
	r.report(c, "runtime.")
	u := Use{Runtime: c.Runtime, Heads: c.Model.Heads, WeightsFrom: c.Model.WeightsFrom}
	if r.sources["model.fc_norm_twice"] != "" {
		u.FCNormTwice = &c.Model.FCNormTwice
	}
	return u, r.err()
}

// A reader gathers values, where each came from, and what is wrong with them. In viper the file is below what the
// environment and the overrides set, and above the defaults.
type reader struct {
	values   *viper.Viper
	sources  map[string]string // Error.Source of each key that is set
	problems []error
}

func newReader() *reader { return &reader{values: newViper(), sources: map[string]string{}} }

func newViper() *viper.Viper {
	v := viper.New()
	v.SetConfigType("toml")
	return v
}

func (r *reader) add(source, key string, err error) {
	r.problems = append(r.problems, &Error{Source: source, Key: key, Err: err})
}

// report adds what validation finds in the keys that begin with prefix, with the source of each.
func (r *reader) report(c *Config, prefix string) {
	for _, p := range c.problems() {
		if strings.HasPrefix(p.Key, prefix) {
			r.add(r.sources[p.Key], p.Key, p.Err)
		}
	}
}

func (r *reader) err() error { return errors.Join(r.problems...) }

func (r *reader) readFile(file string) {
	doc, err := textfile.ReadTOML(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		r.add(file, "", fmt.Errorf("cannot read the config: %w", err))
		return
	}
	doc = replaceFormer(doc)
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
	unknownTable := "" // the header of a table that no Config has; what stands below is not reported again
	for _, p := range places(doc) {
		source := fmt.Sprintf("%s:%d", file, p.line)
		err := checkPlace(p)
		switch {
		case unknownTable != "" && strings.HasPrefix(p.name, unknownTable+"."):
		case err == nil && p.kind == unstable.KeyValue:
			r.sources[p.name] = source
		case err != nil:
			r.add(source, p.name, err)
			if !slices.Contains(sections, p.name) {
				unknownTable = p.name
			}
		}
	}
}

// checkPlace returns an error unless a section or a key stands in a file where Config has it.
func checkPlace(p place) error {
	_, isKey := findKey(p.name)
	isSection := slices.Contains(sections, p.name)
	switch {
	case isSection && p.kind == unstable.ArrayTable:
		return fmt.Errorf("is one section, not a list: write [%s]", p.name)
	case isSection && p.kind == unstable.KeyValue:
		return fmt.Errorf("is a section, not a key: write [%s]", p.name)
	case isKey && p.kind != unstable.KeyValue:
		return errors.New("is a key, not a section")
	case isSection || isKey:
		return nil
	case p.kind == unstable.KeyValue:
		return unknownKey(p.name)
	}
	return unknown("section", p.name, sections)
}

func (r *reader) readEnviron(environ []string) {
	libraryKey, _ := findKey("runtime.library")
	library := ""
	for _, e := range environ {
		name, text, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" || slices.Contains(notSettings, name) ||
			strings.HasPrefix(name, standInPrefix) {
			continue
		}
		i := slices.IndexFunc(keys, func(k key) bool { return k.env() == name })
		switch {
		case name == envLibrary:
			library = text
		case i < 0:
			known := []string{envLibrary}
			for _, k := range keys {
				known = append(known, k.env())
			}
			r.add(name, "", unknown("variable", name, known))
		default:
			r.setText(keys[i], name, text)
		}
	}
	other := r.values.GetString(libraryKey.name)
	switch {
	case library == "":
	case r.sources[libraryKey.name] == libraryKey.env() && other != library:
		r.add(envLibrary, libraryKey.name,
			fmt.Errorf("names %q but %s names %q: unset one", library, libraryKey.env(), other))
	default:
		r.setText(libraryKey, envLibrary, library)
	}
}

// readOverrides reads "section.key=value" and refuses keys that do not begin with prefix.
func (r *reader) readOverrides(overrides []string, prefixes ...string) {
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
		case !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }):
			here := fmt.Sprintf("keys of [%s]", strings.TrimSuffix(prefixes[0], "."))
			if len(prefixes) > 1 {
				here += ", " + strings.Join(prefixes[1:], ", ")
			}
			r.add(source, name, fmt.Errorf("only %s have an effect here", here))
		default:
			r.setText(k, source, text)
		}
	}
}

// setText sets a key to the value that text stands for, whatever set it before.
func (r *reader) setText(k key, source, text string) {
	value, err := k.parse(text)
	if err != nil {
		r.add(source, k.name, err)
		return
	}
	r.values.Set(k.name, value)
	r.sources[k.name] = source
}

// config returns the recipe's defaults with every value that was found in their place. What it returns is of use only
// if there is no problem.
func (r *reader) config() *Config {
	for _, k := range keys {
		value := r.values.Get(k.name)
		if r.sources[k.name] == "" || value == nil { // nil: below a [[section]], reported already
			continue
		}
		if err := k.check(value); err != nil {
			r.add(r.sources[k.name], k.name, err)
		}
		if k.mayBeAuto() && value == autoText {
			r.values.Set(k.name, Auto)
		}
		if n, isNumber := value.(int64); isNumber && k.mayBeNumber() {
			r.values.Set(k.name, fmt.Sprint(n))
		}
	}
	setDefaults(r.values, r.values.GetString("recipe"))
	c := &Config{}
	err := r.values.UnmarshalExact(c, func(d *mapstructure.DecoderConfig) {
		d.TagName, d.WeaklyTypedInput, d.DecodeHook = "toml", false, nil
	})
	if err != nil && len(r.problems) == 0 {
		r.add("", "", err)
	}
	for _, k := range keys {
		if field := k.field(c); field.Kind() == reflect.Slice && field.Len() == 0 {
			field.SetZero() // so that an empty list equals one that is not set
		}
	}
	c.giveWay(func(key string) bool { return r.sources[key] != "" })
	return c
}

package training

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fovea/graphs/transfer"
	"fovea/training/config"
	"fovea/training/optim"
)

// freeze marks the parameters that are not trained: those that never are, the layers below model.freeze, what
// model.trainable leaves out and, in a linear probe, all but the head.
func (s *setup) freeze() error {
	trainable, fixed := newTrainable(s.config.Model.Trainable), map[string]bool{}
	for _, p := range s.model.Parameters() {
		fixed[p.Name] = p.Fixed != ""
	}
	s.layout.Freeze(func(t optim.Param) bool {
		if s.probes() {
			return !transfer.IsHead(t.Name)
		}
		return fixed[t.Name] || t.Layer < s.config.Model.Freeze || !trainable.has(t.Name)
	})
	return trainable.check(s.layout, s.config.Model.KeepHead)
}

// A trainable holds model.trainable: patterns of parameter names in which * stands for any text. Patterns behind a !
// leave parameters out. If there are only such, all others are trained.
type trainable struct{ in, out []pattern }

type pattern struct {
	text string
	*regexp.Regexp
}

func newTrainable(text string) (s trainable) {
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		name, left := strings.CutPrefix(part, "!")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		p := pattern{part, regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, ".*") + "$")}
		if left {
			s.out = append(s.out, p)
		} else {
			s.in = append(s.in, p)
		}
	}
	return s
}

func (s trainable) has(name string) bool {
	matches := func(p pattern) bool { return p.MatchString(name) }
	return (len(s.in) == 0 || slices.ContainsFunc(s.in, matches)) && !slices.ContainsFunc(s.out, matches)
}

// check refuses patterns that match no parameter or leave out a head that is new and random, and layouts of which
// nothing is trained.
func (s trainable) check(l optim.Layout, keepsHead bool) error {
	var names []string
	trained := false
	for _, p := range l.Params {
		names = append(names, p.Name)
		trained = trained || !p.Frozen
	}
	for _, p := range slices.Concat(s.in, s.out) {
		if !slices.ContainsFunc(names, p.MatchString) {
			hint := ""
			if near := config.Nearest(strings.TrimLeft(p.text, "! "), names); near != "" {
				hint = fmt.Sprintf(", did you mean %s?", near)
			}
			return fmt.Errorf("model.trainable: %q matches none of the %d parameters, which are called such as %s%s",
				p.text, len(names), names[len(names)/2], hint)
		}
	}
	if !trained {
		return fmt.Errorf("model.trainable and model.freeze leave no parameter to train")
	}
	if !keepsHead && !s.has(transfer.HeadWeight) {
		return fmt.Errorf("model.trainable leaves out %s, which is new and random: "+
			"it must be trained, as by \"head.*\"", transfer.HeadWeight)
	}
	return nil
}

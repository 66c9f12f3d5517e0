package training

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fovea/graphs/transfer"
	"fovea/internal/naming"
	"fovea/models"
	"fovea/training/config"
	"fovea/training/optim"
)

// An adaptation decides which parameters a value of model.adaptation trains. highest is the layer of the head.
type adaptation func(c config.Model, p optim.Param, highest int) bool

var adaptations = map[string]adaptation{
	"linear_probe": isHead,
	"lp":           isHead,
	"lora":         func(_ config.Model, p optim.Param, _ int) bool { return models.IsAdapter(p.Name) },
	"bitfit": func(_ config.Model, p optim.Param, _ int) bool {
		return strings.HasSuffix(p.Name, "bias") && !transfer.IsHead(p.Name)
	},
	"last_blocks": func(c config.Model, p optim.Param, highest int) bool {
		return highest-p.Layer <= c.LastBlocks
	},
	"attentive_probe": func(_ config.Model, p optim.Param, _ int) bool { return strings.HasPrefix(p.Name, "attn_pool.") },
}

func isHead(_ config.Model, p optim.Param, _ int) bool { return transfer.IsHead(p.Name) }

// freeze marks the parameters that are not trained: those that never are and those that model.adaptation leaves as they
// are. In fine-tuning these are the layers below model.freeze and what model.trainable leaves out.
func (s *setup) freeze() error {
	fixed, highest := map[string]bool{}, 0
	for _, p := range s.model.Parameters() {
		fixed[p.Name] = p.Fixed != ""
		highest = max(highest, p.Layer)
	}
	c := s.config.Model
	if trains := adaptations[c.Adaptation]; trains != nil {
		some := false
		s.layout.Freeze(func(p optim.Param) bool {
			trained := !fixed[p.Name] && trains(c, p, highest)
			some = some || trained
			return !trained && !transfer.IsHead(p.Name)
		})
		if !some {
			return fmt.Errorf("model.adaptation = %q finds nothing to train in this model but its head: "+
				"choose another, such as \"lp\"", c.Adaptation)
		}
		if s.trainsPart() {
			s.layout.FrozenFirst()
		}
		return nil
	}
	trainable := newTrainable(c.Trainable)
	s.layout.Freeze(func(p optim.Param) bool {
		return fixed[p.Name] || p.Layer < c.Freeze || !trainable.has(p.Name)
	})
	return trainable.check(s.layout, s.config.Model.KeepHead)
}

// probes reports whether only the head is trained, on features that are computed once.
func (s *setup) probes() bool { return s.config.Model.Adaptation == "linear_probe" }

// trainsPart reports whether a part of the parameters is trained beside others that belong to a base: checkpoints then
// hold the part alone, and the base by its digest.
func (s *setup) trainsPart() bool {
	return adaptations[s.config.Model.Adaptation] != nil && !s.probes()
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
		p := pattern{part, naming.Pattern(name)}
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

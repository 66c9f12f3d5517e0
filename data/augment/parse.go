package augment

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Parse reads a policy as timm writes it: a name and settings, joined by "-".
//
//	rand    RandAugment: m level, n ops an image, p probability of an op,
//	        mstd deviation of the level (above 100: uniform from 0 to m),
//	        mmax highest level, inc 1: ops whose strength rises with the level,
//	        t set of ops (weights, 3a, 3aw)
//	v0, original    AutoAugment, of the code of EfficientNet and of the paper: mstd
//	v0r, originalr  the same with fewer bits kept by Posterize at higher levels: mstd
//	3a      3-Augment of DeiT III: mstd
//	augmix  AugMix: m level, w chains, d ops a chain, a alpha of the shares,
//	        mstd deviation of the level (without it: uniform from 0 to m)
//
// An empty policy gives nil. An error names the setting that is wrong and those that are known.
func Parse(policy string) (*Policy, error) {
	if policy == "" {
		return nil, nil
	}
	name, rest, _ := strings.Cut(policy, "-")
	kind, ok := kinds[name]
	if !ok {
		return nil, fmt.Errorf("%q is not known; known are %s, as in rand-m9-mstd0.5-inc1", name,
			strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	}
	s := settings{values: map[string]string{}}
	if rest != "" || strings.HasSuffix(policy, "-") {
		if err := s.read(strings.Split(rest, "-"), kind.keys); err != nil {
			return nil, err
		}
	}
	p := kind.make(&s)
	if s.err != nil {
		return nil, s.err
	}
	p.jitter = strings.Contains(policy, "3a") // as create_transform does
	return p, nil
}

var kinds = map[string]struct {
	keys []string
	make func(s *settings) *Policy
}{
	"rand":   {[]string{"m", "n", "p", "mstd", "mmax", "inc", "t"}, randAugment},
	"3a":     {[]string{"mstd"}, threeAugment},
	"augmix": {[]string{"m", "w", "d", "a", "mstd"}, augMix},

	"v0":        {[]string{"mstd"}, autoAugment(policyV0, "Posterize")},
	"v0r":       {[]string{"mstd"}, autoAugment(policyV0, "PosterizeIncreasing")},
	"original":  {[]string{"mstd"}, autoAugment(policyOriginal, "PosterizeOriginal")},
	"originalr": {[]string{"mstd"}, autoAugment(policyOriginal, "PosterizeIncreasing")},
}

// autoAugment returns the maker of a policy of AutoAugment, see pairsOf.
func autoAugment(policy []pair, posterize string) func(s *settings) *Policy {
	return func(s *settings) *Policy {
		return &Policy{pairs: pairsOf(policy, posterize), deviation: s.number("mstd", 0, math.Inf(1)), most: maxLevel}
	}
}

func randAugment(s *settings) *Policy {
	p := &Policy{
		layers:    s.integer("n", 2, 1),
		apply:     s.number("p", 0.5, 1),
		deviation: s.number("mstd", 0, math.Inf(1)),
		most:      float64(s.integer("mmax", maxLevel, 1)),
	}
	if p.deviation > 100 {
		p.deviation = math.Inf(1)
	}
	set := standardSet
	if s.integer("inc", 0, 0) != 0 {
		set = increasingSet
	}
	if name, ok := s.values["t"]; ok {
		if set, ok = sets[name]; !ok {
			s.fail("t"+name, "the sets of ops are 3a, 3aw and weights")
		}
	}
	level := float64(s.integer("m", maxLevel, 0))
	for _, c := range set {
		c.level = level
		p.candidates = append(p.candidates, c)
	}
	if s.err == nil && p.weighted() && p.layers > len(set) {
		s.fail("n"+s.values["n"], fmt.Sprintf("this set has only %d ops, none of which is drawn twice", len(set)))
	}
	return p
}

func threeAugment(s *settings) *Policy {
	set := candidates("Solarize", "Desaturate", "GaussianBlurRand")
	set[0].level, set[1].level, set[2].level = 5, 10, 10
	return &Policy{candidates: set, layers: 1, apply: 1, deviation: s.number("mstd", 0, math.Inf(1)), most: maxLevel}
}

func augMix(s *settings) *Policy {
	p := &Policy{apply: 1, most: maxLevel, layers: s.integer("d", 0, 0), chains: s.integer("w", 3, 1),
		alpha: s.number("a", 1, math.Inf(1)), deviation: math.Inf(1)}
	if _, ok := s.values["mstd"]; ok {
		p.deviation = s.number("mstd", 0, math.Inf(1))
	}
	if p.alpha == 0 {
		s.fail("a"+s.values["a"], "alpha must be above 0")
	}
	level := float64(s.integer("m", 3, 0))
	for _, c := range augMixSet {
		c.level = level
		p.candidates = append(p.candidates, c)
	}
	return p
}

// settings holds the parts of a policy behind its name.
type settings struct {
	values map[string]string
	err    error // the first
}

// read splits parts into keys and values.
func (s *settings) read(parts, known []string) error {
	for _, part := range parts {
		key := part[:len(part)-len(strings.TrimLeft(part, "abcdefghijklmnopqrstuvwxyz"))]
		if strings.HasPrefix(part, "t") {
			key = "t" // its value is a name
		}
		if !slices.Contains(known, key) {
			return fmt.Errorf("the part %q is not known; known are %s, each followed by its value",
				part, strings.Join(known, ", "))
		}
		if _, ok := s.values[key]; ok {
			return fmt.Errorf("the part %q sets %s again", part, key)
		}
		s.values[key] = part[len(key):]
	}
	return nil
}

// integer returns the value of a key, which must be at least least, or absent if there is none.
func (s *settings) integer(key string, absent, least int) int {
	value, ok := s.values[key]
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least {
		s.fail(key+value, fmt.Sprintf("%s needs an integer of at least %d", key, least))
	}
	return n
}

// number returns the value of a key, which must lie in [0, most], or absent if there is none.
func (s *settings) number(key string, absent, most float64) float64 {
	value, ok := s.values[key]
	if !ok {
		return absent
	}
	x, err := strconv.ParseFloat(value, 64)
	if err != nil || !(x >= 0 && x <= most) {
		limit := "of at least 0"
		if !math.IsInf(most, 1) {
			limit = fmt.Sprintf("from 0 to %g", most)
		}
		s.fail(key+value, fmt.Sprintf("%s needs a number %s", key, limit))
	}
	return x
}

// fail keeps the first error.
func (s *settings) fail(part, reason string) {
	if s.err == nil {
		s.err = fmt.Errorf("the part %q: %s", part, reason)
	}
}

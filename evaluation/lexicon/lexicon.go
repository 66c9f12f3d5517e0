package lexicon

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Positive returns the index of the class of two that a task looks for, 0 or 1, and why. It returns -1 where the names
// leave a choice.
func Positive(names [2]string) (index int, why string) {
	index = -1
	vote := func(i int, reason string) bool {
		if index >= 0 && index != i {
			return false
		}
		if index < 0 {
			index, why = i, reason
		}
		return true
	}
	if numbers, ok := numbersOf(names[:]); ok {
		low, high := min(numbers[0], numbers[1]), max(numbers[0], numbers[1])
		if low == high || low != 0 && !(low == -1 && high == 1) {
			return -1, ""
		}
		return slices.Index(numbers, high), "of the numbers " + trim(low) + " and " + trim(high) + " the first denies"
	}
	if stem, ok := strings.CutSuffix(names[0], "+"); ok && names[1] == stem+"-" {
		return 0, "it has a plus sign"
	}
	if stem, ok := strings.CutSuffix(names[1], "+"); ok && names[0] == stem+"-" {
		return 1, "it has a plus sign"
	}
	n := [2]name{read(names[0]), read(names[1])}
	if n[0].ofQuality() || n[1].ofQuality() {
		return -1, ""
	}
	agree := true
	for i := range n {
		other := n[1-i].symbols
		if slices.Equal(other, append([]string{no}, n[i].symbols...)) {
			agree = vote(i, "the other name denies it") && agree
		}
		if n[1-i].denies() && !n[i].denies() {
			agree = vote(i, "the other name stands for eyes without a finding") && agree
		}
		if slices.Equal(other, []string{rest}) && len(n[i].conditions()) > 0 {
			agree = vote(i, "the other name stands for all else") && agree
		}
	}
	if order, _ := Grades(names[:]); order != nil {
		agree = vote(order[1], "it is the higher grade") && agree
	}
	if !agree {
		return -1, ""
	}
	return index, why
}

// Grades returns the indices of the names in ascending order of their grades and the kind of the scale, or nil where
// the names are no grades of one thing or leave a choice.
func Grades(names []string) (order []int, kind string) {
	if numbers, ok := numbersOf(names); ok {
		// The grades of diabetic retinopathy. Other numbers are codes as often as grades.
		if order = ascending(numbers); len(names) != 5 || numbers[order[0]] != 0 || numbers[order[4]] != 4 {
			return nil, ""
		}
		return order, "numbers from 0 to 4"
	}
	order, kind = gradesAsWritten(names)
	if stripped := withoutLetters(names); stripped != nil {
		second, of := gradesAsWritten(stripped)
		if second != nil && order != nil && !slices.Equal(order, second) {
			return nil, ""
		}
		if order == nil {
			order, kind = second, of
		}
	}
	return order, kind
}

func gradesAsWritten(texts []string) (order []int, kind string) {
	names := make([]name, len(texts))
	for i, text := range texts {
		names[i] = read(text)
	}
	numbered := slices.Clone(names)
	for i := range names {
		names[i] = names[i].withoutNumber()
	}
	for _, s := range scales {
		if ranks, ok := s.rank(names); ok {
			found := ascending(ranks)
			if order != nil && !slices.Equal(order, found) {
				return nil, ""
			}
			if order == nil {
				order, kind = found, s.name
			}
		}
	}
	if ranks, ok := rankNumbers(numbered); ok {
		if found := ascending(ranks); order == nil {
			order, kind = found, "numbered grades"
		}
	}
	if order == nil {
		return nil, ""
	}
	// Numbers in front of the names have to agree.
	for k := 1; k < len(order); k++ {
		a, b := names[order[k-1]].index, names[order[k]].index
		if len(a) > 0 && len(b) > 0 && slices.Compare(a, b) >= 0 {
			return nil, ""
		}
	}
	return order, kind
}

// rank returns the rank of each name on a scale, and whether each has its own and all are of one disease.
func (s scale) rank(names []name) ([]float64, bool) {
	ranks := make([]float64, len(names))
	var of []string // the disease, and what else the names have in common
	ranked := 0
	for i, n := range names {
		if s.amount && slices.Contains(n.symbols, healthy) {
			return nil, false // normal is between low and high
		}
		if n.denies() && !(s.ranks["notreferred"] > 0 && slices.Contains(n.symbols, "notreferred")) {
			continue // rank 0
		}
		var context []string
		for _, symbol := range n.symbols {
			r := float64(s.ranks[symbol])
			switch {
			case r == 0 && (symbol != "nonproliferative" || s.name != "severity"):
				context = append(context, symbol)
			case ranks[i] != 0 && ranks[i] != r && r != 0:
				return nil, false // two ranks
			case r != 0:
				ranks[i] = r
				ranked++
			}
		}
		if ranks[i] == 0 {
			if s.bare == 0 || len(context) != len(n.conditions()) {
				return nil, false
			}
			ranks[i] = float64(s.bare)
		}
		slices.Sort(context)
		context = slices.Compact(context)
		if of == nil {
			of = context
		}
		if len(context) > 0 && !slices.Equal(of, context) {
			return nil, false
		}
	}
	return ranks, ranked > 0 && distinct(ranks)
}

// rankNumbers returns the numbers of names such as "grade 2", "stage IV", "R0" and "DR3", and whether all have one. A
// name that denies may stand for the lowest.
func rankNumbers(names []name) ([]float64, bool) {
	ranks := make([]float64, len(names))
	var of []string
	ranked := 0
	for i, n := range names {
		var context []string
		ranks[i] = math.NaN()
		said := false // a number here is a rank
		for _, symbol := range n.symbols {
			v, err := strconv.Atoi(symbol)
			if roman := slices.Index([]string{"i", "ii", "iii", "iv", "v"}, symbol); err != nil && said && roman >= 0 {
				v, err = roman+1, nil
			}
			if err != nil {
				said = said || symbol == grade || graded[symbol]
				context = append(context, symbol)
				continue
			}
			if !said || !math.IsNaN(ranks[i]) || v > 100 { // such as a year
				return nil, false
			}
			ranks[i] = float64(v)
			ranked++
		}
		if math.IsNaN(ranks[i]) {
			if !n.denies() {
				return nil, false
			}
			ranks[i] = 0
			continue
		}
		if slices.Sort(context); of == nil {
			of = context
		}
		if !slices.Equal(of, context) {
			return nil, false
		}
	}
	return ranks, ranked > 0 && distinct(ranks)
}

// Conditions reports whether two of the names are those of different diseases or findings, so that all together are no
// grades of one.
func Conditions(names []string) bool {
	return conditionsAsWritten(names) || conditionsAsWritten(withoutLetters(names))
}

// ranked reports whether a name has a symbol of some scale. Where a third has, they may be grades beside something else.
func (n name) ranked() bool {
	return slices.ContainsFunc(n.symbols, func(symbol string) bool {
		return slices.ContainsFunc(scales, func(s scale) bool { return s.ranks[symbol] > 0 })
	})
}

func conditionsAsWritten(names []string) bool {
	var sets [][]string
	count := map[string]int{}
	ranked := 0
	for _, text := range names {
		n := read(text)
		if n.ranked() {
			ranked++
		}
		if c := n.conditions(); len(c) > 0 {
			sets = append(sets, c)
			for _, symbol := range c {
				count[symbol]++
			}
		}
	}
	if 3*ranked >= len(names) {
		return false
	}
	for i, a := range sets {
		// What all names share tells none apart.
		a = slices.DeleteFunc(slices.Clone(a), func(s string) bool { return count[s] == len(sets) })
		for _, b := range sets[:i] {
			b = slices.DeleteFunc(slices.Clone(b), func(s string) bool { return count[s] == len(sets) })
			shared := slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
			if len(a) > 0 && len(b) > 0 && !shared {
				return true
			}
		}
	}
	return false
}

// numbersOf returns names that are nothing but numbers.
func numbersOf(names []string) ([]float64, bool) {
	out := make([]float64, len(names))
	for i, text := range names {
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

func trim(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// ascending returns the indices of values, the lowest first.
func ascending(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	return order
}

func distinct(values []float64) bool {
	sorted := slices.Sorted(slices.Values(values))
	return len(slices.Compact(sorted)) == len(values)
}

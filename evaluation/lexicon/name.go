package lexicon

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A name is a name of a class, taken apart.
type name struct {
	index   []int    // numbers in front of the words
	symbols []string // without fillers; a word that is not known, and a number, stand for themselves
}

// read takes a name apart.
func read(text string) name {
	var n name
	words := split(text)
	for len(words) > 1 {
		v, err := strconv.Atoi(words[0])
		if err != nil {
			break
		}
		n.index, words = append(n.index, v), words[1:]
	}
	line := " " + strings.Join(words, " ") + " "
	for _, t := range terms {
		line = strings.ReplaceAll(line, " "+t[0]+" ", " "+t[1]+" ")
	}
	for word := range strings.FieldsSeq(line) {
		n.symbols = append(n.symbols, lookUp(word)...)
	}
	n.symbols = join(n.symbols)
	return n
}

// split returns the words and numbers of a name in lower case, without accents.
func split(text string) []string {
	var words []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = nil
	}
	runes := slices.DeleteFunc([]rune(norm.NFKD.String(text)), func(r rune) bool { return unicode.Is(unicode.Mn, r) })
	for i, r := range runes {
		letter, digit := unicode.IsLetter(r), unicode.IsDigit(r)
		if !letter && !digit {
			flush()
			continue
		}
		if len(word) > 0 {
			last := word[len(word)-1]
			lowerNext := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			// NoDR is no and DR, DRMild is DR and Mild, DR2 is DR and 2.
			if unicode.IsDigit(last) != digit || unicode.IsUpper(r) && (unicode.IsLower(last) || lowerNext && len(word) > 1) {
				flush()
			}
		}
		word = append(word, r)
	}
	flush()
	return words
}

// lookUp returns the symbols of a word, which may be several written as one.
func lookUp(word string) []string {
	if s, ok := vocabulary[word]; ok {
		return s
	}
	// From the left, the longest first word whose rest is known too.
	for cut := len(word) - 2; cut >= 2; cut-- {
		first, ok := vocabulary[word[:cut]]
		if !ok {
			continue
		}
		behind := lookUp(word[cut:])
		if !slices.Equal(behind, []string{word[cut:]}) || known(word[cut:]) {
			return slices.Concat(first, behind)
		}
	}
	return []string{word}
}

func known(word string) bool { return vocabulary[word] != nil }

// join removes fillers and replaces phrases and compounds by their symbols.
func join(list []string) []string {
	line := strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == filler }), " ")
	line = " " + line + " "
	for _, p := range phrases {
		line = strings.ReplaceAll(line, " "+p[0]+" ", " "+p[1]+" ")
	}
	var out []string
	for symbol := range strings.FieldsSeq(line) {
		if c, ok := compounds[symbol]; ok {
			out = append(out, strings.Fields(c)...)
		} else {
			out = append(out, symbol)
		}
	}
	return out
}

// withoutNumber returns a name such as "grade 1 mild" as "1 mild".
func (n name) withoutNumber() name {
	if len(n.symbols) > 2 && n.symbols[0] == grade {
		if v, err := strconv.Atoi(n.symbols[1]); err == nil {
			return name{append(slices.Clone(n.index), v), n.symbols[2:]}
		}
	}
	return n
}

// denies reports whether a name says that something is not there.
func (n name) denies() bool {
	if len(n.symbols) == 0 {
		return false
	}
	all := true
	for _, s := range n.symbols {
		switch s {
		case no, absent, "notreferred":
			return true
		case healthy:
		default:
			all = false
		}
	}
	return all || slices.Equal(n.symbols, []string{"0"}) || slices.Equal(n.symbols, []string{grade, "0"})
}

// ofQuality reports whether a name speaks of an image and not of an eye.
func (n name) ofQuality() bool {
	return slices.Contains(n.symbols, quality) && len(n.conditions()) == 0
}

// conditions returns the diseases that a name names, each once.
func (n name) conditions() []string {
	found := map[string]bool{}
	for _, s := range n.symbols {
		if conditions[s] {
			found[s] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// withoutLetters removes the letters that keep folders in order, as those of anodr, bmilddr and cmoderatedr. It returns
// nil if the names do not begin with the first letters of the alphabet, each with another one.
func withoutLetters(names []string) []string {
	out := make([]string, len(names))
	seen := make([]bool, len(names))
	for i, text := range names {
		first := strings.ToLower(text[:min(1, len(text))])
		if first == "" || first[0] < 'a' || int(first[0]-'a') >= len(names) || seen[first[0]-'a'] {
			return nil
		}
		seen[first[0]-'a'] = true
		out[i] = text[1:]
	}
	return out
}

package lexicon

import (
	_ "embed"
	"strings"
)

// The symbols that words stand for. A name is a list of them.
const (
	no       = "no"       // denies what stands beside it
	healthy  = "healthy"  // denies alone: a healthy eye has no finding
	absent   = "absent"   // denies alone, or what stands beside it
	present  = "present"  // affirms alone, or what stands beside it
	filler   = "filler"   // says nothing
	grade    = "grade"    // a number behind it is a rank
	rest     = "rest"     // all other classes
	quality  = "quality"  // of an image, not a finding
	plus     = "plus"     // disease of premature eyes
	very     = "very"     // part of a phrase
	pre      = "pre"      // part of a phrase
	threat   = "threat"   // part of a phrase
	referred = "referred" // has to see a doctor
)

// wordList holds the words of each symbol.
//
//go:embed words.txt
var wordList string

// terms are diseases of several words, by a short name.
var terms = [][2]string{
	{"age related macular degeneration", "amd"}, {"macular degeneration", "amd"}, {"diabetic macular edema", "dme"},
	{"diabetic macular oedema", "dme"}, {"macular edema", "dme"}, {"macular oedema", "dme"}, {"macular hole", "mh"},
	{"diabetic retinopathy", "dr"}, {"hypertensive retinopathy", "htr"}, {"retinopathy of prematurity", "rop"},
	{"ocular hypertension", "oht"}, {"branch retinal vein occlusion", "brvo"}, {"branch vein occlusion", "brvo"},
	{"central retinal vein occlusion", "crvo"}, {"central vein occlusion", "crvo"}, {"vein occlusion", "rvo"},
	{"retinitis pigmentosa", "rp"}, {"within normal limits", "wnl"}, {"macular telangiectasia", "mactel"},
	{"macular atrophy", "macularatrophy"},
}

// phrases are symbols that stand for one together, and compounds are words that stand for several symbols behind that.
var (
	compounds = map[string]string{
		"pdr": "proliferative dr", "npdr": "nonproliferative dr", "ppdr": "preproliferative dr",
		"rdp": "proliferative dr", "rdnp": "nonproliferative dr",
		"sdr": "nonproliferative dr", "verymild": "minimal", "nonreferable": "notreferred",
	}
	phrases = [][2]string{
		{"no healthy", present}, {"no filler healthy", present}, {"no absent", present},
		{"pre proliferative", "preproliferative"}, {"no proliferative", "nonproliferative"}, {"pre plus", "preplus"},
		{"very mild", "minimal"}, {"very severe", "verysevere"}, {"very low", "verylow"}, {"very high", "veryhigh"},
		{"end grade", "endstage"},
		{"late proliferative", "lateproliferative"}, {"late pdr", "lateproliferative dr"},
		{"high pdr", "lateproliferative dr"}, {"no wet", "dry"}, {"no dry", "wet"},
		{"no referred", "notreferred"}, {"threat threat", "threat"},
	}
)

// A scale ranks symbols. bare, where not 0, is the rank of a disease without any such symbol. On the scale of an amount
// a normal one is not the least.
type scale struct {
	name   string
	ranks  map[string]int
	bare   int
	amount bool
}

var scales = []scale{
	{"severity", map[string]int{"suspect": 1, "minimal": 2, "mild": 3, "early": 3, "moderate": 4, "intermediate": 4, "medium": 4,
		"severe": 5, "late": 5, "verysevere": 6, "endstage": 7, "proliferative": 8,
		"lateproliferative": 9}, 0, false},
	{"certainty", map[string]int{"suspect": 1, "probable": 2, "definite": 3, present: 3}, 3, false},
	{"stage", map[string]int{"nonproliferative": 1, "preproliferative": 2, "proliferative": 3}, 0, false},
	{"level", map[string]int{"verylow": 1, "low": 2, "medium": 3, "moderate": 3, "intermediate": 3, "high": 4,
		"veryhigh": 5}, 0, true},
	{"size", map[string]int{"small": 1, "medium": 2, "intermediate": 2, "large": 3}, 0, true},
	{"plus disease", map[string]int{"preplus": 1, plus: 2}, 0, false},
	{"myopic maculopathy", map[string]int{"tessellated": 1, "diffuse": 2, "patchy": 3, "macularatrophy": 4}, 0, false},
	{"referral", map[string]int{"notreferred": 1, referred: 2, threat: 3}, 0, false},
}

// vocabulary holds the symbols of each word, conditions the symbols of diseases and findings.
var vocabulary, conditions = readWords()

func readWords() (vocabulary map[string][]string, conditions map[string]bool) {
	vocabulary, conditions = map[string][]string{}, map[string]bool{}
	ofConditions := false
	for line := range strings.Lines(wordList) {
		ofConditions = ofConditions || strings.TrimSpace(line) == "[conditions]"
		symbol, words, ok := strings.Cut(line, ": ")
		if !ok || line[0] == '#' {
			continue
		}
		for word := range strings.FieldsSeq(words) {
			vocabulary[word] = append(vocabulary[word], symbol)
		}
		if ofConditions {
			conditions[symbol] = true
		}
	}
	for word := range compounds { // they are taken apart behind the phrases
		vocabulary[word] = append(vocabulary[word], word)
	}
	return vocabulary, conditions
}

// graded are the diseases whose short name with a number behind it is a grade, as in DR2.
var graded = map[string]bool{"dr": true, "rop": true, "dme": true, "amd": true, "glaucoma": true, "htr": true}

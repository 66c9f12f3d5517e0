package operating

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/evaluation"
)

// A Rule says how a threshold is chosen.
type Rule struct {
	kind  string  // youden, sensitivity or specificity
	rate  float64 // to be reached
	lower bool    // by the lower bound of its interval
}

// ParseRule reads "youden", "sensitivity 0.9" and "specificity 0.95 lower", and the like.
func ParseRule(text string) (Rule, error) {
	words := strings.Fields(text)
	if len(words) == 1 && words[0] == "youden" {
		return Rule{kind: "youden"}, nil
	}
	var r Rule
	ok := len(words) == 2 || len(words) == 3 && words[2] == "lower"
	if ok {
		r.kind, r.lower = words[0], len(words) == 3
		rate, err := strconv.ParseFloat(words[1], 64)
		r.rate = rate
		ok = err == nil && rate > 0 && rate <= 1 && (r.kind == "sensitivity" || r.kind == "specificity")
	}
	if !ok {
		return Rule{}, fmt.Errorf(`the operating point %.100q is not one: it is "youden", "sensitivity P" or "specificity P" `+
			`with P above 0 and at most 1, or one of these with "lower" behind it`, text)
	}
	return r, nil
}

func (r Rule) String() string {
	if r.kind == "youden" {
		return r.kind
	}
	text := r.kind + " " + strconv.FormatFloat(r.rate, 'g', -1, 64)
	if r.lower {
		text += " lower"
	}
	return text
}

// A Point is a threshold with the rule that chose it.
type Point struct {
	Rule      string  `json:"rule"`
	Positive  string  `json:"positive"`           // the class; of more than two the lowest grade that is positive
	Negative  string  `json:"negative,omitempty"` // the other class of two
	Threshold float64 `json:"threshold"`          // positive: a probability of at least this
	ChosenOn  string  `json:"chosen_on"`          // the split
	Images    int     `json:"images"`             // of that split
	// Upper holds the grades that are positive; nil for two classes.
	Upper []string `json:"upper,omitempty"`
	// Prevalence is that of the people whom the model is for; 0: it was not stated.
	Prevalence float64 `json:"prevalence,omitempty"`
}

// Decision returns what is decided where the threshold is reached, and what below it.
func (p Point) Decision() (reached, below string) {
	if p.Negative != "" {
		return p.Positive, p.Negative
	}
	return p.Positive + " or higher", "below " + p.Positive
}

func (p Point) String() string {
	reached, _ := p.Decision()
	return fmt.Sprintf("%s if its probability is at least %s (%s, chosen on %d images of %s)", reached,
		strconv.FormatFloat(p.Threshold, 'g', 6, 64), p.Rule, p.Images, p.ChosenOn)
}

// Score returns the probability that the threshold of p is for, of an image with these classes in any order.
func (p Point) Score(classes []string, probabilities []float64) (float64, error) {
	var sum float64
	for _, name := range p.positives() {
		c := slices.Index(classes, name)
		if c < 0 {
			return 0, fmt.Errorf("the threshold is for the class %.100q, which is none of %.150q", name, classes)
		}
		sum += probabilities[c]
	}
	return sum, nil
}

// positives returns the classes that are positive.
func (p Point) positives() []string {
	if p.Upper != nil {
		return p.Upper
	}
	return []string{p.Positive}
}

// A task is what thresholds are for: of each image whether it is positive, and the probability that it is.
type task struct {
	point    Point // without a threshold
	positive []bool
	scores   []float64
	images   [2]int64 // negative and positive ones
	clusters []int32  // the patient of each image; nil: no patient has several
}

// CheckCut returns an error unless classes of this meaning have a threshold: two without a cut, or grades with one.
func CheckCut(classes []string, ordered bool, cut string) error {
	switch c := slices.Index(classes, cut); {
	case len(classes) == 2 && cut != "":
		return fmt.Errorf("the cut %.100q is for grades: of two classes the second, %.100q, is positive", cut, classes[1])
	case len(classes) == 2:
	case cut == "":
		return fmt.Errorf("there are %d classes: a threshold needs a cut, the lowest grade that is positive", len(classes))
	case !ordered:
		return fmt.Errorf("the cut %.100q is for grades, but the classes %.150q are not ordered", cut, classes)
	case c < 1:
		return fmt.Errorf("the cut %.100q has to be one of the classes %.150q, but not the first", cut, classes)
	}
	return nil
}

// newTask returns the task of two classes or, with the lowest grade that is positive, of grades.
func newTask(p *evaluation.Predictions, cut string) (*task, error) {
	if err := CheckCut(p.Classes, p.Ordered, cut); err != nil {
		return nil, err
	}
	t := &task{point: Point{Positive: p.Classes[1], Negative: p.Classes[0]}}
	if cut != "" {
		t.point = Point{Positive: cut, Upper: p.Classes[slices.Index(p.Classes, cut):]}
	}
	return t, t.fill(p)
}

// fill reads off the predictions what the point of the task looks for.
func (t *task) fill(p *evaluation.Predictions) error {
	t.clusters = p.Clusters()
	for _, r := range p.Rows {
		score, err := t.point.Score(p.Classes, r.Probabilities)
		if err != nil {
			return err
		}
		positive := slices.Contains(t.point.positives(), p.Classes[r.Label])
		t.scores, t.positive = append(t.scores, score), append(t.positive, positive)
		t.images[index(positive)]++
	}
	return nil
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// counts returns how many negative and how many positive images reach a threshold.
func (t *task) counts(threshold float64) (reached [2]int64) {
	for i, s := range t.scores {
		if s >= threshold {
			reached[index(t.positive[i])]++
		}
	}
	return reached
}

// Choose returns the point of each rule by the predictions of a split, with intervals of a level. cut is the lowest
// grade that is positive, "" for two classes. A rule that no threshold fulfils has no point: missed says why.
func Choose(p *evaluation.Predictions, split, cut string, level float64, rules []Rule) (points []Point, missed []string,
	err error) {
	t, err := newTask(p, cut)
	if err != nil {
		return nil, nil, err
	}
	if t.images[0] == 0 || t.images[1] == 0 {
		return nil, nil, fmt.Errorf("the split %s has %d images of %.100q and %d others: thresholds need both", split, t.images[1],
			t.point.Positive, t.images[0])
	}
	for _, r := range rules {
		threshold, ok := t.choose(r, level)
		if !ok {
			missed = append(missed, fmt.Sprintf("no threshold has the operating point %q on the %d positive and %d negative "+
				"images of %s: the interval of so few is too wide", r, t.images[1], t.images[0], split))
			continue
		}
		point := t.point
		point.Rule, point.Threshold, point.ChosenOn, point.Images = r.String(), threshold, split, len(t.scores)
		points = append(points, point)
	}
	return points, missed, nil
}

// choose returns the threshold of a rule. It goes down from the highest.
func (t *task) choose(r Rule, level float64) (threshold float64, ok bool) {
	order := make([]int, len(t.scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(t.scores[b], t.scores[a]) })
	var reached [2]int64
	found := [2]*evaluation.Tally{evaluation.NewTally(t.clusters), evaluation.NewTally(t.clusters)}
	for i, positive := range t.positive {
		found[index(positive)].Add(i, !positive) // negatives are found below the threshold
	}
	// What is better is more, compared as whole numbers.
	best := int64(math.MinInt64)
	try := func(at float64) {
		counts := [2]int64{t.images[0] - reached[0], reached[1]} // negatives below, positives reached
		var value int64
		switch r.kind {
		case "youden":
			value = counts[1]*t.images[0] + counts[0]*t.images[1]
		default:
			which := index(r.kind == "sensitivity")
			rate := float64(counts[which]) / float64(t.images[which])
			if r.lower {
				rate, _ = found[which].Interval(level)
			}
			if rate < r.rate {
				return
			}
			value = counts[1-which]
		}
		if value > best {
			best, threshold, ok = value, at, true
		}
	}
	try(math.Nextafter(t.scores[order[0]], math.Inf(1)))
	for k, i := range order {
		reached[index(t.positive[i])]++
		found[index(t.positive[i])].Turn(i, t.positive[i])
		if k+1 == len(order) || t.scores[order[k+1]] != t.scores[i] {
			try(t.scores[i])
		}
	}
	return threshold, ok
}

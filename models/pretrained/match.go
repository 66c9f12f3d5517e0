package pretrained

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fovea/graphs/transfer"
	"fovea/internal/naming"
	"fovea/onnx/weights"
)

// A Parameter of a model has its PyTorch name. Weights of Linear layers are [out,in].
type Parameter struct {
	Name  string
	Shape []int64
}

// Options say what is taken from a file. The zero value takes all but the head, and allows nothing to be missing.
type Options struct {
	Allow    []string // names, with * for any text, of parameters that may be missing and tensors that may be left over
	From     string   // where in the file the model stands, such as "model_ema"; "": found, if only one place has it
	KeepHead bool     // takes the head too, which the file must have then
}

// A Match lists the tensors that are taken from a file.
type Match struct {
	Assignments []Assignment
	Report      Report

	model []Parameter
	head  bool // is taken from the file
}

// positions is the name of the position embedding [1,tokens,width].
const positions = "pos_embed"

// isNew reports whether pre-training does not have a parameter.
func isNew(name string) bool { return transfer.IsHead(name) || strings.HasPrefix(name, "fc_norm.") }

// New matches the tensors of a file with the parameters of a model. It reads names, types and shapes only. A file that
// does not fill the whole backbone is an error, and so is one with more in it than the model has. The file must stay
// open until the match is loaded.
func New(f *weights.File, model []Parameter, o Options) (*Match, error) {
	allowed := make([]*regexp.Regexp, len(o.Allow))
	for i, pattern := range o.Allow {
		allowed[i] = naming.Pattern(pattern)
	}
	file := newNames(f)
	fits := fitAll(file, model, o.KeepHead, allowed)
	if o.From != "" {
		fits = slices.DeleteFunc(fits, func(x *fit) bool { return !strings.HasPrefix(x.prefix, o.From+".") })
	}
	if len(fits) == 0 {
		where := ""
		if o.From != "" {
			where = fmt.Sprintf(" below %.100q", o.From)
		}
		return nil, fmt.Errorf("none of the model's %d parameters is in the file%s, which has %s",
			len(model), where, file.contents())
	}
	best, err := choose(fits)
	if err == nil {
		err = best.check(o)
	}
	if err != nil {
		return nil, err
	}
	for _, x := range fits {
		if x != best && x.whole() {
			best.report.Others = append(best.report.Others, x.place())
		}
	}
	return &Match{Assignments: best.assignments, Report: best.report, model: model, head: o.KeepHead}, nil
}

// fitAll returns for each place in the file that has parameters of the model the layout that fits it best. Places with
// less than a sixteenth of the parameters have some name in common by chance.
func fitAll(file *names, model []Parameter, head bool, allowed []*regexp.Regexp) (fits []*fit) {
	layouts, _ := readLayouts()
	for _, l := range layouts {
		for _, prefix := range l.prefixes(file, model) {
			x := l.fit(file, prefix, model, head, allowed)
			i := slices.IndexFunc(fits, func(y *fit) bool { return y.prefix == prefix })
			switch {
			case i < 0:
				fits = append(fits, x)
			case x.better(fits[i]):
				fits[i] = x
			}
		}
	}
	most := 0
	for _, x := range fits {
		most = max(most, x.found())
	}
	return slices.DeleteFunc(fits, func(x *fit) bool { return 16*x.found() < x.backbone || 2*x.found() < most })
}

// choose returns the fit at the place that is most likely meant: a model rather than its moving average, a teacher
// rather than a student, then the fuller one. Two that are as likely are an error.
func choose(fits []*fit) (*fit, error) {
	order := func(a, b *fit) int {
		return cmp.Or(rank(a.prefix)-rank(b.prefix), len(b.assignments)-len(a.assignments))
	}
	slices.SortStableFunc(fits, order)
	if len(fits) > 1 && order(fits[0], fits[1]) == 0 && fits[0].whole() {
		return nil, fmt.Errorf("the file has the model twice, below %.100q and below %.100q: say in model.weights_from "+
			"which one to take", fits[0].place(), fits[1].place())
	}
	return fits[0], nil
}

var average = regexp.MustCompile(`(^|[._])(ema|averaged?|swa)([._]|$)`)

// rank is 0 for a model, 1 for a moving average of one, 2 for a student that has a teacher.
func rank(prefix string) int {
	switch {
	case slices.Contains(strings.Split(prefix, "."), "student"):
		return 2
	case average.MatchString(prefix):
		return 1
	}
	return 0
}

// list joins the first names of a list, which are cut where they are long.
func list(names []string) string { return listOf(names, 20) }

func listOf(names []string, most int) string {
	shown := make([]string, 0, most)
	for _, name := range names[:min(most, len(names))] {
		shown = append(shown, fmt.Sprintf("%.100s", name))
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), len(names)-most)
	}
	return strings.Join(shown, ", ")
}

package evaluation

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestReadTable(t *testing.T) {
	want := &Predictions{Classes: []string{"dme", "normal"}, Rows: []Prediction{
		{Path: "a.png", Label: 1, Probabilities: []float64{0.25, 0.75}},
		{Path: "b.png", Label: 0, Probabilities: []float64{0.5, 0.5}},
	}}
	log3 := "1.0986122886681098"
	labels := "class,Path\nnormal,a.png\ndme,b.png\ndme,other.png\n"
	for name, c := range map[string]struct {
		text    string
		labels  string
		options TableOptions
	}{
		"ours":           {text: "path,label,predicted,dme,normal\na.png,normal,normal,0.25,0.75\nb.png,dme,dme,0.5,0.5\n"},
		"any order":      {text: "\ufeffdme, y_true ,normal,Image\n0.25,1,0.75,a.png\n0.5,0,0.5,b.png\n"},
		"prob_":          {text: "file,note,prob_dme,prob_normal,target\na.png,60,0.25,0.75,normal\nb.png,x,0.5,0.5,dme\n"},
		"p_":             {text: "file,p_dme,p_normal,target\na.png,.25,.75,1\nb.png,.5,.5,0\n"},
		"other labels":   {text: "path,label,dme,normal\na.png,?,0.25,0.75\nb.png,?,0.5,0.5\n", labels: labels},
		"logits":         {text: "path,label,logit_dme,logit_normal\na.png,1,-3," + "-1.9013877113318902\nb.png,0,800,800\n", options: TableOptions{Logits: true}},
		"unnormalised":   {text: "path,label,dme,normal\na.png,1,2,6\nb.png,0,0.1,0.1\n", options: TableOptions{Normalise: true}},
		"logits of odds": {text: "path,label,dme,normal\na.png,1,0," + log3 + "\nb.png,0,0,0\n", options: TableOptions{Logits: true}},
	} {
		if c.labels != "" {
			c.options.Labels = strings.NewReader(c.labels)
		}
		got, err := ReadTable(strings.NewReader(c.text), c.options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range got.Rows {
			for k, v := range got.Rows[i].Probabilities {
				if w := want.Rows[i].Probabilities[k]; math.Abs(v-w) < 1e-15 {
					got.Rows[i].Probabilities[k] = w
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestReadTableErrors(t *testing.T) {
	head := "path,label,a,b\n"
	for text, want := range map[string]string{
		"":                                "the file is empty",
		"path,label\n":                    "line 1: 0 classes, but a classifier needs at least 2",
		"path,a,b\nx,0.5,0.5\n":           `line 1: no column of labels (label, true, target, y_true) among "path,a,b"`,
		"path;label;a;b\n":                "there are no predictions",
		head:                              "there are no predictions",
		head + "x,a,0.5,0.4\n":            "line 2 (x): the probabilities sum to 0.9, not 1",
		head + "x,a,1,0\ny,a,-1,2\n":      `line 3 (y): -1 of class "a" is not a probability: if these are logits`,
		head + "x,a,1,x\n":                `line 2, column 4 (b): "x" is not a number`,
		head + "x,a,NaN,1\n":              "line 2, column 3 (a): NaN is not finite",
		head + "x,c,1,0\n":                `line 2, column 2 (label): label "c" is neither a class (a, b) nor an index from 0 to 1`,
		head + "x,2,1,0\n":                `label "2" is neither`,
		head + "x,a,1,0\ny,1,0,1\n":       `line 3, column 2 (label): label "1" is not a class`,
		head + "x,0,1,0\ny,a,0,1\n":       "", // an index first, a name later
		"path,label,a,a\nx,a,0.5,0.5\n":   "classes 0 and 1 have the same name",
		head + "x,a,1\n":                  "wrong number of fields",
		"path,label,p_a,b\nx,a,0.5,0.5\n": "line 1: 1 classes",
	} {
		_, err := ReadTable(strings.NewReader(text), TableOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
	for labels, want := range map[string]string{
		"path,label\ny,a\n":       `the table of labels lacks images: 1 in the predictions alone ("x")`,
		"path\nx\n":               "labels: line 1: the header \"path\" needs a column path and a column label",
		"path,label\nx,a\nx,b\n":  `labels: line 3, column 2 (label): "x" was "a" before and is "b"`,
		"path,label\nx,unheard\n": `the label of x: label "unheard" is neither`,
	} {
		_, err := ReadTable(strings.NewReader(head+"x,a,1,0\n"), TableOptions{Labels: strings.NewReader(labels)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", labels, err, want)
		}
	}
	zero := strings.NewReader(head + "x,a,0,0\n")
	if _, err := ReadTable(zero, TableOptions{Normalise: true}); err == nil || !strings.Contains(err.Error(), "all numbers are 0") {
		t.Errorf("zeros: %v", err)
	}
}

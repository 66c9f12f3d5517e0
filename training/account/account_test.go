package account_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"fovea/evaluation/checklist"
	"fovea/onnx"
	"fovea/training"
	"fovea/training/account"
	"fovea/training/config"
)

// ownRun trains on a flat folder with a table: 36 images with labels, two of each patient, a row without an image, one
// without a label, and an image without a row.
func ownRun(t *testing.T, set func(*config.Config)) string {
	t.Helper()
	dir := t.TempDir()
	table := "image,grade,patient,eye,sex,age\n"
	n := 0
	for _, from := range []struct {
		split, class, label string
		count               int
	}{{"train", "0_no_dr", "no DR", 14}, {"train", "2_moderate_npdr", "moderate", 14}, {"test", "0_no_dr", "no DR", 5},
		{"test", "2_moderate_npdr", "moderate", 5}} {
		label := from.label
		source := filepath.Join("../../data/testdata/retinamnist", from.split, from.class)
		files, err := os.ReadDir(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files[:from.count] {
			content, err := os.ReadFile(filepath.Join(source, f.Name()))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, f.Name()), content, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			patient := n / 2
			age := fmt.Sprint(40 + patient)
			switch {
			case n == 37:
				continue // an image without a row
			case n == 36:
				label = ""
			case patient == 3:
				age = ""
			}
			table += fmt.Sprintf("%s,%s,p%d,%s,%s,%s\n", f.Name(), label, patient, [2]string{"OD", "OS"}[n%2],
				[2]string{"f", "m"}[patient%2], age)
			n++
		}
	}
	table += "lost.png,moderate,q,OD,f,50\n"
	labels := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(labels, []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	c := config.Defaults()
	c.Name, c.Data.Dir, c.Output.Dir, c.Data.Labels = "own", dir, t.TempDir(), labels
	c.Data.Size, c.Data.CropPct = 28, 1
	c.Model.Patch, c.Model.Width, c.Model.Depth, c.Model.Heads = 7, 32, 2, 2
	c.Schedule.Epochs, c.Schedule.Warmup, c.Training.Batch = 2, 1, 5
	c.Runtime.Provider = "cpu"
	if set != nil {
		set(c)
	}
	r, err := training.Run(t.Context(), c, training.Options{NoFigures: true, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	return r.Folder
}

// Every filled answer names files of the run and keys in them, and says what is in them.
func TestFacts(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a model")
	}
	folder := ownRun(t, nil)
	facts, err := account.Facts(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checklist.All {
		for _, a := range c.Fill(facts) {
			for _, p := range a.Parts {
				if _, told := facts[p.Topic]; !told {
					t.Errorf("%s, item %s: nothing tells of %q", c.Name, a.Number, p.Topic)
				}
			}
			if (a.Status == checklist.Filled || a.Status == checklist.InPart) && a.Where() == nil {
				t.Errorf("%s, item %s: the answer comes from nowhere: %+v", c.Name, a.Number, a.Parts)
			}
		}
	}
	in := newPlaces(t, folder)
	for topic, f := range facts {
		if (f.Text == "") != (f.Where == nil) && !f.NotApplicable {
			t.Errorf("%s: text %q comes from %q", topic, f.Text, f.Where)
		}
		for _, where := range f.Where {
			in.check(t, where)
		}
		for _, s := range []string{"%!", "NaN", "(missing)", "  "} {
			if strings.Contains(f.Text+f.Lacks, s) {
				t.Errorf("%s: %q in %q", topic, s, f.Text+f.Lacks)
			}
		}
	}
	for topic, want := range map[checklist.Topic][]string{
		checklist.Flow: {"The table has 38 rows: 36 with an image and a label, 1 without an image, 1 without a label.",
			"The folder has 1 image without a row."},
		checklist.Missing:        {"Not known: age of 2 images."},
		checklist.Leaks:          {"none of 18 patients is in two", "in more than one split: no image."},
		checklist.Task:           {"Each image has one of 2 classes: no DR, moderate.", "The model looks for moderate."},
		checklist.Output:         {"a threshold of 0.5 on the probability of moderate"},
		checklist.Software:       {"Fovea: 1.2.3.", "ONNX Runtime: 1."},
		checklist.Training:       {"2 epochs, in batches of 5 images."},
		checklist.Initialization: {"Random, from seed 0"},
	} {
		for _, w := range want {
			if !strings.Contains(facts[topic].Text, w) {
				t.Errorf("%s: %q lacks %q", topic, facts[topic].Text, w)
			}
		}
	}
	// The three splits hold all 36 images and all 18 patients.
	images, patients := 0, 0
	sizes := regexp.MustCompile(`set: (\d+) images of (\d+) patients`)
	for _, m := range sizes.FindAllStringSubmatch(facts[checklist.Balance].Text, -1) {
		var i, p int
		fmt.Sscan(m[1], &i)
		fmt.Sscan(m[2], &p)
		images, patients = images+i, patients+p
	}
	if images != 36 || patients != 18 {
		t.Errorf("%d images of %d patients: %s", images, patients, facts[checklist.Balance].Text)
	}
	if got := facts[checklist.Characteristics].Text; !strings.Contains(got, "Sex, by patient") ||
		!strings.Contains(got, "Eye, by image") {
		t.Error(got)
	}

	checkBreakdown(t, folder)

	// What is not in the folder is missing, and nothing is made of it.
	for _, name := range []string{"checkpoints", "model.onnx", "splits.csv", "left_out.csv", "metrics_test.json",
		"predictions_test.csv"} {
		if err := os.RemoveAll(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		if facts, err = account.Facts(folder); err != nil {
			t.Fatal(err)
		}
		for topic, f := range facts {
			for _, where := range f.Where {
				if strings.HasPrefix(where, name) {
					t.Errorf("%s: %q comes from %s, which is not there", topic, f.Text, where)
				}
			}
			if f.Text == "" && f.Lacks == "" && topic != checklist.Severity && !f.NotApplicable {
				t.Errorf("%s: nothing is said, not even what is missing", topic)
			}
		}
	}
	if _, err := account.Facts(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no run") {
		t.Error(err)
	}
}

// checkBreakdown adds to the measures of a test what further settings of a run make: points, units, subgroups, a curve.
func checkBreakdown(t *testing.T, folder string) {
	t.Helper()
	file := filepath.Join(folder, "metrics_test.json")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"patients": `4`,
		"units": `[{"unit": "image", "rows": 8, "measures": []}, {"unit": "patient", "pool": "mean", "rows": 4,
			"measures": [{"name": "roc_auc", "value": 0.75, "low": 0.25, "high": 1, "method": "DeLong"}]}]`,
		"operating_points": `[{"rule": "youden", "positive": "moderate", "negative": "no DR", "threshold": 0.375, "images": 8,
			"chosen_on": "val", "prevalence": 0.05, "measures": [{"name": "sensitivity", "value": 0.5, "low": 0.1, "high": 0.9,
			"method": "Wilson"}]}]`,
		"subgroups": `[{"by": "sex", "threshold": "argmax", "groups": [{"name": "f", "rows": 4, "patients": 2, "measures":
			[{"name": "accuracy", "value": 0.25, "low": null, "high": null, "method": ""}], "few": ["roc_auc"]}, {"name": "m",
			"rows": 4, "patients": 2, "measures": [{"name": "accuracy", "value": 1, "low": 0.5, "high": 1,
			"method": "Wilson"}]}],
			"gaps": [{"measure": "accuracy", "best": "m", "worst": "f", "difference": 0.75, "low": 0.5, "high": 1}]}]`,
	} {
		all[key] = json.RawMessage(value)
	}
	more, err := json.Marshal(all)
	if err == nil {
		err = os.WriteFile(file, more, 0o644)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "decision_curve_test.csv"), []byte("threshold,model\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	facts, err := account.Facts(folder)
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[checklist.Topic]string{
		checklist.Output: "The answer: moderate where its probability is at least 0.375 (rule youden, chosen on 8 images " +
			"of the split val before the test).",
		checklist.Results: "Operating point, moderate where its probability is at least 0.375, with a stated prevalence of " +
			"5 %: sensitivity 0.500 (0.100 to 0.900). By patient (mean of the probabilities), 4 in all: AUC 0.750 (0.250 " +
			"to 1.000).",
		checklist.Subgroups: "By sex (sensitivity and specificity: argmax): f (4 images of 2 patients): accuracy 0.250 " +
			"(too few to judge AUC); m (4 images of 2 patients): accuracy 1.000 (0.500 to 1.000). Largest gaps: accuracy " +
			"0.750 (0.500 to 1.000) between m and f.",
		checklist.Clusters:    "",
		checklist.Uncertainty: "The images of a patient count together where the method says so (4 patients).",
		checklist.Utility:     "Net benefit over thresholds (decision curve).",
	} {
		if !strings.Contains(facts[topic].Text, want) || facts[topic].Lacks != "" && want != "" {
			t.Errorf("%s: %q, lacks %q; want\n%q", topic, facts[topic].Text, facts[topic].Lacks, want)
		}
	}
}

// places holds what files of a run may be named by their keys.
type places struct {
	folder   string
	config   map[string]any
	metadata []string
	columns  []string
	json     map[string]string
}

func newPlaces(t *testing.T, folder string) *places {
	p := &places{folder: folder, json: map[string]string{}}
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	if err := toml.Unmarshal(read("config.toml"), &p.config); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(filepath.Join(folder, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, x := range m.Proto.MetadataProps {
		p.metadata = append(p.metadata, x.GetKey())
	}
	for _, v := range slices.Concat(m.Proto.Graph.Input, m.Proto.Graph.Output) {
		p.metadata = append(p.metadata, v.GetName())
	}
	p.columns = strings.Split(strings.SplitN(string(read("splits.csv")), "\n", 2)[0], ",")
	for _, name := range []string{"metrics_test.json", "checkpoints/last/state.json"} {
		if p.json[name] = string(read(name)); !json.Valid([]byte(p.json[name])) {
			t.Fatal(name)
		}
	}
	return p
}

// check checks that a place such as "config.toml: data.size, seed" exists.
func (p *places) check(t *testing.T, where string) {
	file, keys, _ := strings.Cut(where, ": ")
	if _, err := os.Stat(filepath.Join(p.folder, file)); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	for _, key := range strings.Split(keys, ", ") {
		var ok bool
		switch {
		case key == "":
			ok = true
		case file == "config.toml":
			section, name, nested := strings.Cut(key, ".")
			value, found := p.config[section]
			if table, isTable := value.(map[string]any); nested && isTable {
				_, found = table[name]
			}
			ok = found
		case file == "model.onnx":
			ok = slices.Contains(p.metadata, key)
		case file == "splits.csv":
			ok = slices.Contains(p.columns, key)
		default:
			ok = strings.Contains(p.json[file], `"`+key+`":`)
		}
		if !ok {
			t.Errorf("%s has no %q", file, key)
		}
	}
}

package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestEvalPatients: attributes of a table make intervals by patient, subgroups and results of patients.
func TestEvalPatients(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("image;Subject;Laterality;Gender;label;healthy;glaucoma\n")
	for i := range 100 {
		label, p := i/2%2, 0.2+0.6*float64(i/2%2)
		if i%7 == 0 {
			p = 1 - p
		}
		fmt.Fprintf(&text, "%d.png;S%d;%s;%s;%d;%.1f;%.1f\n", i, i/2, []string{"OD", "OS"}[i%2], []string{"f", "m"}[i/50], label,
			1-p, p)
	}
	writeText(t, dir, "p.csv", text.String())
	args := []string{"eval", "-predictions", dir + "/p.csv", "-rounds", "50", "-out", dir + "/out"}
	code, stdout, stderr := trainer(t, append(args, "-by", "sex,eye")...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{"100 images of 50 patients, 2 classes; intervals by patient", "Wilson by patient",
		"results by", "by sex; sensitivity and specificity at the threshold", "gap of accuracy", "by eye;"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout)
		}
	}
	if got := string(read(t, dir, "out/predictions_test.csv")); !strings.HasPrefix(got, "path,patient,eye,sex,label,predicted,") {
		t.Errorf("predictions begin with %.80q", got)
	}
	for _, want := range []string{`"by": "sex"`, `"unit": "patient"`, `"patients": 50`} {
		if !strings.Contains(string(read(t, dir, "out/metrics_test.json")), want) {
			t.Errorf("the measures lack %s", want)
		}
	}
	code, stdout, stderr = trainer(t, append(args, "-per", "patient", "-pool", "noisy_or")...)
	if code != exitDone || !strings.Contains(stdout, "50 patients (the noisy-or of their images), 2 classes; intervals of 95") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	for flags, want := range map[string]string{"-by camera": "what is known is patient, eye, sex", "-per site": "by image, eye or patient",
		"-pool best": "by mean, max or noisy_or", "-by sex:a": "limits are ascending numbers"} {
		code, _, stderr := trainer(t, append(args, strings.Fields(flags)...)...)
		if code == exitDone || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d: %s", flags, code, stderr)
		}
	}
}

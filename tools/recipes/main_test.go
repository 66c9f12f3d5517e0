package main

import (
	"strings"
	"testing"

	"fovea/evaluation"
	"fovea/training/config"
)

func TestRecipesAreConfigs(t *testing.T) {
	for _, r := range recipes {
		if _, err := config.Read("../../configs/retinamnist.toml", r.set, nil); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose("fp16,plain")
	if err != nil || len(chosen) != 2 || chosen[0].name != "fp16" || chosen[1].name != "plain" {
		t.Errorf("%v, %v", chosen, err)
	}
	if _, err := choose("plain,fp8"); err == nil || !strings.Contains(err.Error(), `"fp8"`) {
		t.Errorf("a name that there is not: %v", err)
	}
}

func TestWriteTable(t *testing.T) {
	at := func(x float64) result {
		return result{x, evaluation.Metrics{ROCAUC: x + 0.1, QuadraticKappa: x + 0.2, Accuracy: x + 0.3}}
	}
	var out strings.Builder
	if err := writeTable(&out, recipes, [][]result{{at(0.1), at(0.3), at(0.2)}, {at(0.5)}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| plain | 0.2000 ± 0.1000 | 0.3000 ± 0.1000 | 0.4000 ± 0.1000 | 0.5000 ± 0.1000 |\n",
		"| randaugment | 0.5000 | 0.6000 | 0.7000 | 0.8000 |\n",
		"\nrandaugment: `-set augment.policy=rand-m9-mstd0.5-inc1`\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

package config

import "testing"

// TestRecipeGivesWay checks that what the user sets holds in both recipes: no default of RETFound's excludes it.
func TestRecipeGivesWay(t *testing.T) {
	const doc = "recipe = \"retfound\"\n" + minimal
	for _, test := range []struct {
		set  []string
		want func(c *Config) bool
	}{
		{nil, func(c *Config) bool {
			return c.Data.Order == "retfound" && c.Data.Numbering == "split" && c.Model.FCNormTwice &&
				c.Training.Nonfinite == "skip" && c.Evaluation.Probabilities == "fp16" && c.LearningRate() == 5e-3*16/256
		}},
		{[]string{"data.order=seed", "optimizer.lr=1e-3"}, func(c *Config) bool {
			return c.Data.Order == "seed" && c.LearningRate() == 1e-3
		}},
		{[]string{"data.sampling=balanced"}, func(c *Config) bool { return c.Data.Order == "seed" }},
		{[]string{"model.pool=cls"}, func(c *Config) bool { return !c.Model.FCNormTwice }},
		{[]string{"training.batch=8", "training.accumulate=4"}, func(c *Config) bool {
			return c.LearningRate() == 5e-3*32/256
		}},
	} {
		c, err := Read(write(t, doc), test.set, nil)
		if err != nil {
			t.Errorf("%v: %v", test.set, err)
		} else if !test.want(c) {
			t.Errorf("%v: got %+v", test.set, c)
		}
	}
	if _, err := Read(write(t, doc), []string{"data.sampling=balanced", "data.order=retfound"}, nil); err == nil {
		t.Error("two orders at once are accepted")
	}
}

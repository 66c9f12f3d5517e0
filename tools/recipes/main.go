// Recipes trains RetinaMNIST by several recipes, each with several seeds, and prints a Markdown table of means and
// standard deviations over the seeds.
//
//	go run ./tools/recipes > table.md
//
// Each run is trainer -config configs/retinamnist.toml with the -set of its recipe, in runs/recipes. After an
// interruption, the same command goes on where it stopped. It only reads finished runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gonum.org/v1/gonum/stat"

	"fovea/evaluation"
	"fovea/internal/runfiles"
	"fovea/training"
	"fovea/training/config"
)

// A recipe changes keys of the config file.
type recipe struct {
	name string
	set  []string
}

var (
	randAugment = []string{"augment.policy=rand-m9-mstd0.5-inc1"}
	mix         = []string{"augment.mixup=0.8", "augment.cutmix=1"}
	ema         = []string{"training.ema=0.99"} // averages about 100 steps, six of the 48 epochs

	recipes = []recipe{
		{"plain", nil},
		{"randaugment", randAugment},
		{"mixup-cutmix", mix},
		{"ema", ema},
		{"all", slices.Concat(randAugment, mix, ema)},
		{"bf16", []string{"training.precision=bf16"}},
		{"fp16", []string{"training.precision=fp16"}},
	}
)

func main() {
	file := flag.String("config", "configs/retinamnist.toml", "config file that the recipes change")
	out := flag.String("out", "runs/recipes", "folder of the run folders")
	seeds := flag.Int("seeds", 3, "runs of each recipe, with the seeds 0, 1, …")
	only := flag.String("only", "", "names of recipes, separated by commas; empty: all")
	var extra []string
	flag.Func("set", "override a key in every run; may repeat", func(s string) error {
		extra = append(extra, s)
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := choose(*only)
	if err == nil {
		err = run(ctx, *file, *out, *seeds, chosen, extra, os.Stdout)
	}
	switch {
	case err != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "recipes: interrupted; the same command goes on")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "recipes:", err)
		os.Exit(1)
	}
}

// choose returns the recipes that a list names, in its order.
func choose(only string) ([]recipe, error) {
	if only == "" {
		return recipes, nil
	}
	var chosen []recipe
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(recipes, func(r recipe) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only: there is no recipe %q", name)
		}
		chosen = append(chosen, recipes[i])
	}
	return chosen, nil
}

func run(ctx context.Context, file, out string, seeds int, recipes []recipe, extra []string, w io.Writer) error {
	results := make([][]result, len(recipes))
	for seed := range seeds { // all recipes with one seed first, so that a table of fewer seeds can be made early
		for i, r := range recipes {
			one, err := train(ctx, file, out, r, seed, extra)
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", r.name, seed, err)
			}
			results[i] = append(results[i], one)
		}
	}
	return writeTable(w, recipes, results)
}

// A result has the score of a run's best epoch on val, and the metrics of that epoch on test.
type result struct {
	valScore float64
	test     evaluation.Metrics
}

func train(ctx context.Context, file, out string, r recipe, seed int, extra []string) (result, error) {
	set := slices.Concat(r.set, extra, []string{"output.dir=" + out, fmt.Sprintf("name=%s-%d", r.name, seed),
		fmt.Sprintf("seed=%d", seed)})
	c, err := config.Read(file, set, os.Environ())
	if err != nil {
		return result{}, err
	}
	done, err := training.Run(ctx, c, training.Options{Resume: true, NoFigures: true})
	if err != nil {
		return result{}, err
	}
	f, err := os.Open(filepath.Join(done.Folder, runfiles.Metrics("val")))
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	val, err := evaluation.ReadMetrics(f)
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return result{val[done.BestEpoch].Score, done.Test}, nil
}

// writeTable writes one row for each recipe, in the order of recipes. A recipe may be chosen by its score on val.
func writeTable(w io.Writer, recipes []recipe, results [][]result) error {
	var b strings.Builder
	b.WriteString("| recipe | val score | test macro AUC | test quadratic kappa | test accuracy |\n")
	b.WriteString("|---|---:|---:|---:|---:|\n")
	for i, runs := range results {
		fmt.Fprintf(&b, "| %s |", recipes[i].name)
		for _, metric := range []func(result) float64{
			func(r result) float64 { return r.valScore },
			func(r result) float64 { return r.test.ROCAUC },
			func(r result) float64 { return r.test.QuadraticKappa },
			func(r result) float64 { return r.test.Accuracy },
		} {
			var values []float64
			for _, r := range runs {
				values = append(values, metric(r))
			}
			fmt.Fprintf(&b, " %s |", spread(values))
		}
		b.WriteString("\n")
	}
	for i, r := range recipes {
		if i < len(results) && r.set != nil {
			fmt.Fprintf(&b, "\n%s: `-set %s`\n", r.name, strings.Join(r.set, " -set "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// spread returns the mean ± the sample standard deviation, or the mean alone of a single value.
func spread(values []float64) string {
	mean, sd := stat.MeanStdDev(values, nil)
	if len(values) == 1 {
		return fmt.Sprintf("%.4f", mean)
	}
	return fmt.Sprintf("%.4f ± %.4f", mean, sd)
}

package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fovea/onnx/ort/install"
	"fovea/tools/worker"
	"fovea/training/config"
)

// Settings are read from the command line, which the processes of the sections get too.
type settings struct {
	Provider   string // cuda or cpu
	Python     string // empty: none
	Data       string // folder of the shipped images
	Trainer    string // the program; empty: see findTrainer
	Out        string // folder of the report
	Preset     string // full, quick or small
	Only       []int  // sections; empty: all
	Precisions []string
	Sizes      sizes
	Limit      time.Duration // of a section
	args       []string
}

func parse(args []string) (*settings, error) {
	s := &settings{args: args}
	flags := flag.NewFlagSet("gpu verify", flag.ContinueOnError)
	flags.StringVar(&s.Provider, "provider", "cuda", "cuda, or cpu for a dry run")
	flags.StringVar(&s.Python, "python", "", "interpreter with torch and timm; without it, what needs PyTorch is skipped")
	flags.StringVar(&s.Out, "out", "", "folder of the report; sections of earlier calls in it stay in the report")
	flags.StringVar(&s.Data, "data", "data/testdata",
		"folder with the images of Fovea's repository, retinamnist and kermany_oct_mini")
	flags.StringVar(&s.Trainer, "trainer", "",
		"the program trainer; if not given it is built, with Go, or looked for beside this program")
	flags.DurationVar(&s.Limit, "limit", 40*time.Minute, "the longest that a section may take")
	flags.StringVar(&s.Preset, "sizes", "", "full; quick: fewer sizes and steps; small: tiny models, which say nothing "+
		"of speed. If not given full, with -provider cpu small")
	flags.BoolFunc("quick", "short for -sizes quick", func(string) error { return flags.Set("sizes", "quick") })
	only := flags.String("only", "", "numbers of the sections to run, such as 3,10")
	batches := flags.String("batches", "", "batch sizes of section 10, such as 16,64")
	precisions := flags.String("precisions", "", "precisions of sections 3, 5, 6 and 10, such as fp32,bf16")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if s.Out == "" {
		return nil, errors.New("-out is missing: the folder that the report is to be written to")
	}
	s.Precisions = []string{"fp32", "tf32", "bf16", "fp16"}
	preset := "full"
	switch s.Provider {
	case "cuda":
	case "cpu":
		s.Precisions, preset = []string{"fp32", "bf16", "fp16"}, "small"
	default:
		return nil, fmt.Errorf("-provider %s: it is cuda or cpu", s.Provider)
	}
	s.Preset = cmp.Or(s.Preset, preset)
	presets := map[string]func() sizes{"full": fullSizes, "quick": quickSizes, "small": smallSizes}
	if presets[s.Preset] == nil {
		return nil, fmt.Errorf("-sizes %s: it is full, quick or small", s.Preset)
	}
	s.Sizes = presets[s.Preset]()
	if err := errors.Join(positives(*only, &s.Only), positives(*batches, &s.Sizes.Batches)); err != nil {
		return nil, err
	}
	for _, n := range s.Only {
		if n > len(sections) {
			return nil, fmt.Errorf("-only: there is no section %d", n)
		}
	}
	if *precisions != "" {
		s.Precisions = strings.Split(*precisions, ",")
		s.Sizes.Raced = s.Precisions
	}
	for _, p := range s.Precisions {
		if !slices.Contains(config.Choices("training.precision"), p) || p == "auto" {
			return nil, fmt.Errorf("-precisions: %q is none of fp32, tf32, bf16 and fp16", p)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Data, "retinamnist", "train")); err != nil {
		return nil, fmt.Errorf("-data: the shipped images are not there: %w", err)
	}
	return s, os.MkdirAll(filepath.Join(s.Out, "sections"), 0o755)
}

// positives reads a list of numbers from 1 on. An empty one leaves to as it is.
func positives(list string, to *[]int) error {
	if list == "" {
		return nil
	}
	*to = nil
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return fmt.Errorf("%q in %q is no number from 1 on", text, list)
		}
		*to = append(*to, n)
	}
	return nil
}

// cuda reports whether the sections use a GPU.
func (s *settings) cuda() bool { return s.Provider == "cuda" }

// source returns the library of ONNX Runtime that a learner uses.
func (s *settings) source() install.Source { return install.Source{Provider: s.Provider} }

// precisions returns the elements of list that the settings have too.
func (s *settings) precisions(list ...string) []string {
	return slices.DeleteFunc(list, func(p string) bool { return !slices.Contains(s.Precisions, p) })
}

// halfPrecision returns the precision that a user of a GPU would choose.
func (s *settings) halfPrecision() string {
	if p := s.precisions("bf16", "fp16", "fp32"); len(p) > 0 {
		return p[0]
	}
	return "fp32"
}

// peer returns the starter of PyTorch.
func (s *settings) peer() worker.Starter { return worker.Peer(s.Python) }

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fovea/training/config"
)

// classes of every model here.
const classes = 5

// settings are what the command line decides, for sections in their processes.
type settings struct {
	Provider   string // cuda or cpu
	Python     string // empty: none
	Data       string // folder of the shipped images
	Trainer    string // the program; empty: none
	Out        string // folder of the report
	Preset     string // full, quick or small
	Only       []int  // sections; empty: all
	Precisions []string
	Sizes      sizes
	Limit      time.Duration // of a section
	Line       string        // as it was given
}

func parse(args []string) (*settings, error) {
	s := &settings{Line: strings.Join(append([]string{"gpu", "verify"}, args...), " ")}
	flags := flag.NewFlagSet("gpu verify", flag.ContinueOnError)
	flags.StringVar(&s.Provider, "provider", "cuda", "cuda, or cpu for a dry run")
	flags.StringVar(&s.Python, "python", "", "interpreter with torch and timm; without it, what needs PyTorch is skipped")
	flags.StringVar(&s.Out, "out", "", "folder of the report; sections of earlier calls in it stay in the report")
	flags.StringVar(&s.Data, "data", "data/testdata", "folder with the images of Fovea's repository, retinamnist and kermany_oct_mini")
	flags.StringVar(&s.Trainer, "trainer", "", "the program trainer; if not given it is built, with Go, or looked for beside this program")
	flags.DurationVar(&s.Limit, "limit", 40*time.Minute, "the longest that a section may take")
	flags.StringVar(&s.Preset, "sizes", "", "full; quick: fewer sizes and steps; small: tiny models, which say nothing of speed. "+
		"If not given full, with -provider cpu small")
	quick := flags.Bool("quick", false, "short for -sizes quick")
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
	if s.Provider != "cuda" && s.Provider != "cpu" {
		return nil, fmt.Errorf("-provider %s: it is cuda or cpu", s.Provider)
	}
	switch {
	case *quick:
		s.Preset = "quick"
	case s.Preset == "" && s.Provider == "cpu":
		s.Preset = "small"
	case s.Preset == "":
		s.Preset = "full"
	}
	preset, ok := map[string]func() sizes{"full": fullSizes, "quick": quickSizes, "small": smallSizes}[s.Preset]
	if !ok {
		return nil, fmt.Errorf("-sizes %s: it is full, quick or small", s.Preset)
	}
	s.Sizes = preset()
	for _, list := range []struct {
		text string
		to   *[]int
	}{{*only, &s.Only}, {*batches, &s.Sizes.Batches}} {
		if list.text == "" {
			continue
		}
		*list.to = nil
		for text := range strings.SplitSeq(list.text, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%q in %q is no number from 1 on", text, list.text)
			}
			*list.to = append(*list.to, n)
		}
	}
	for _, n := range s.Only {
		if n > len(sections) {
			return nil, fmt.Errorf("-only: there is no section %d", n)
		}
	}
	s.Precisions = []string{"fp32", "tf32", "bf16", "fp16"}
	if s.Provider == "cpu" {
		s.Precisions = []string{"fp32", "bf16", "fp16"}
	}
	if *precisions != "" {
		s.Precisions, s.Sizes.Raced = nil, nil
		for p := range strings.SplitSeq(*precisions, ",") {
			if !slices.Contains(config.Choices("training.precision"), p) || p == "auto" {
				return nil, fmt.Errorf("-precisions: %q is none of fp32, tf32, bf16 and fp16", p)
			}
			s.Precisions, s.Sizes.Raced = append(s.Precisions, p), append(s.Sizes.Raced, p)
		}
	}
	return s, s.absolute()
}

// absolute makes the paths hold in any folder.
func (s *settings) absolute() error {
	for _, path := range []*string{&s.Out, &s.Data, &s.Trainer, &s.Python} {
		if *path == "" || path == &s.Python && !strings.ContainsRune(*path, filepath.Separator) {
			continue
		}
		full, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = full
	}
	if _, err := os.Stat(filepath.Join(s.Data, "retinamnist", "train")); err != nil {
		return fmt.Errorf("-data: the shipped images are not there: %w", err)
	}
	return os.MkdirAll(s.Out, 0o755)
}

// cuda tells whether a GPU is used.
func (s *settings) cuda() bool { return s.Provider == "cuda" }

// precisions are those of the settings that are among these.
func (s *settings) precisions(of ...string) []string {
	return slices.DeleteFunc(of, func(p string) bool { return !slices.Contains(s.Precisions, p) })
}

package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"fovea/onnx/ort"
)

// A Report tells whether sessions can run on this machine; see [Doctor].
type Report struct {
	Library  *ort.Library // the one in use or the one that Load would take; nil if there is none
	System   string       // GOOS/GOARCH
	Cores    int          // of the machine
	Threads  int          // what a session uses by default
	Cache    string       // the folder of fetched libraries
	Cached   []string     // usable libraries in it, last installed first
	Fetchers []string     // commands on this machine that can fetch a library
	Problems []Problem    // if there are none, sessions can be made
	GPU      GPUReport
	Notes    []Problem // why GPUs are not used, where the CPU takes their place
}

// A Problem is something wrong and the command that mends it.
type Problem struct {
	What string
	Mend string

	cause error
}

// problem returns an error that is a Problem.
func problem(err error, mend string) error { return &Problem{err.Error(), mend, err} }

// asProblem returns the Problem that an error is, or makes one of it.
func asProblem(err error, mend string) Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return *p
	}
	return Problem{err.Error(), mend, err}
}

func (p *Problem) Error() string { return p.What + "; what mends it: " + p.Mend }

func (p *Problem) Unwrap() error { return p.cause }

// Doctor reports everything that the runtime needs, as [Load] with the same source would find it. It fetches nothing.
// Unless this process has loaded a library already, it loads the one that it finds.
func Doctor(ctx context.Context, s Source) Report {
	r := Report{
		System:  thisSystem,
		Cores:   runtime.NumCPU(),
		Threads: runtime.GOMAXPROCS(0),
	}
	dir, cacheErr := cacheFolder()
	r.Cache = dir
	for _, c := range append(inCache(ctx), inGPUCache(ctx)...) {
		if _, err := probe(c.path); err == nil {
			r.Cached = append(r.Cached, c.path)
		}
	}
	for _, tool := range []string{"go", "python3", "python"} {
		if _, err := exec.LookPath(tool); err == nil {
			r.Fetchers = append(r.Fetchers, tool)
		}
	}
	r.findLibrary(ctx, s)
	if cacheErr != nil && r.Library == nil {
		r.problem(cacheErr, "set XDG_CACHE_HOME to a folder that you may write to")
	}
	if r.Library != nil {
		if !slices.Contains(r.Library.Providers, "CPUExecutionProvider") {
			r.problem(fmt.Errorf("%s has no provider for the CPU", r.Library.Path), "trainer runtime install")
		}
	}
	r.lookAtGPU(ctx, s.Provider)
	return r
}

func (r *Report) findLibrary(ctx context.Context, s Source) {
	if named, _ := s.named(); named == "" && ort.InUse() == nil {
		gpu, err := locateGPU(ctx, s)
		if err != nil {
			r.problem(err, installGPUCommand(0))
			return
		}
		found, unusable := gpu, []error(nil)
		if found == nil {
			found, unusable = search(ctx)
		}
		if found == nil {
			reasons := append([]error{errors.New("ONNX Runtime was not found")}, unusable...)
			r.problem(errors.Join(reasons...), r.install())
			return
		}
	}
	library, err := Load(ctx, s)
	if err != nil {
		mend := r.install()
		if named, origin := s.named(); named != "" {
			mend = fmt.Sprintf("name a library of ONNX Runtime %s to %s in %s, or leave it empty and run: %s",
				ort.OldestVersion, ort.NewestTested, origin, mend)
		}
		r.problem(err, mend)
		return
	}
	r.Library = library
}

// install returns the command that gets a library with the tools of this machine.
func (r *Report) install() string {
	if len(r.Fetchers) == 0 {
		return fmt.Sprintf("trainer runtime install -from FILE or URL (a release archive of Fovea, "+
			"or a library or wheel of ONNX Runtime %s for %s)", pipVersion, r.System)
	}
	return "trainer runtime install"
}

func (r *Report) problem(err error, mend string) {
	r.Problems = append(r.Problems, asProblem(err, mend))
}

// String returns the report as text, one fact on a line.
func (r Report) String() string {
	var b strings.Builder
	line := func(name, format string, a ...any) { fmt.Fprintf(&b, "%-14s%s\n", name, fmt.Sprintf(format, a...)) }
	if l := r.Library; l != nil {
		line("onnx runtime", "%s", l.Version)
		line("library", "%s (%s)", l.Path, l.Origin)
		line("api", "%d wanted, up to %d offered", ort.API, l.API)
		line("providers", "%s", strings.Join(l.Providers, ", "))
	} else {
		line("onnx runtime", "none (%s to %s will do)", ort.OldestVersion, ort.NewestTested)
	}
	line("system", "%s, %d cores, %d threads", r.System, r.Cores, r.Threads)
	r.GPU.lines(line)
	line("cache", "%s", cmp.Or(r.Cache, "none: neither $XDG_CACHE_HOME nor $HOME is set"))
	for _, path := range r.Cached {
		line("", "%s", path)
	}
	line("fetched with", "%s", cmp.Or(strings.Join(r.Fetchers, ", "), "nothing: no go and no python3 in $PATH"))
	for _, p := range r.Notes {
		line("note", "%s", p.What)
		line("  mend", "%s", p.Mend)
	}
	for _, p := range r.Problems {
		line("problem", "%s", p.What)
		line("  mend", "%s", p.Mend)
	}
	if len(r.Problems) == 0 {
		line("verdict", "%s", r.GPU.verdict())
	}
	return b.String()
}

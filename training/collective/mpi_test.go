//go:build linux

package collective

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fovea/internal/numbers"
)

// With this variable the test's program is a rank of an MPI job, and does what it says.
const rankDoes = "FOVEA_TEST_RANK"

// FOVEA_TEST_MPIRUN lists the mpirun that TestMPI tries, separated by colons: of Open MPI, of MPICH.
const mpiruns = "FOVEA_TEST_MPIRUN"

func TestMain(m *testing.M) {
	if does := os.Getenv(rankDoes); does != "" {
		beRank(does)
		Exit(0)
	}
	os.Exit(m.Run())
}

const testElements, testMicros = 2*mostPiece + 100, 6

func beRank(does string) {
	g, err := Open(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer g.Recover()
	switch does {
	case "add":
		sum, err := add(g, testMicros, testElements)
		if err != nil {
			g.Abort(err)
		}
		largest, err := g.Max(float64(g.Rank()))
		if err != nil {
			g.Abort(err)
		}
		text, err := g.Broadcast([]byte("from rank 0"))
		if err != nil {
			g.Abort(err)
		}
		fmt.Printf("%x %v %s\n", sha256.Sum256(numbers.Bytes(sum)), largest, text)
		if err := errors.Join(g.Barrier(), g.Close()); err != nil {
			g.Abort(err)
		}
		return
	case "panic":
		if g.Rank() == 1 {
			var nothing *Group
			_ = nothing.scratch // SIGSEGV, which must still be Go's
		}
	case "panic elsewhere":
		if g.Rank() == 1 {
			go panic("a goroutine fell")
		}
	case "error":
		if g.Rank() == 1 {
			g.Abort(errors.New("the disk is full"))
		}
	case "error while waiting":
		if g.Rank() == 1 {
			go func() {
				time.Sleep(300 * time.Millisecond)
				g.Abort(errors.New("the disk is full"))
			}()
		} else {
			select {}
		}
	case "killed":
		if g.Rank() == 1 {
			fmt.Println("pid", os.Getpid())
		}
	}
	for {
		if _, err := add(g, testMicros, 1000); err != nil {
			g.Abort(err)
		}
	}
}

// An output is what ranks write, which a test reads meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// launch starts ranks of this program.
func launch(t *testing.T, mpirun string, ranks int, does, library string) (*exec.Cmd, *output) {
	c := exec.Command(mpirun, "-n", strconv.Itoa(ranks), os.Args[0])
	c.Env = append(os.Environ(), rankDoes+"="+does, variable+"="+library, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		"OMPI_MCA_rmaps_base_oversubscribe=1", "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe")
	out := &output{}
	c.Stdout, c.Stderr = out, out
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, out
}

func eachMPI(t *testing.T, f func(t *testing.T, mpirun string)) {
	list := filepath.SplitList(os.Getenv(mpiruns))
	if len(list) == 0 || testing.Short() {
		t.Skip("set " + mpiruns + " to the mpirun of Open MPI and of MPICH, separated by colons")
	}
	for _, mpirun := range list {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(mpirun))), func(t *testing.T) { f(t, mpirun) })
	}
}

// Every rank of every MPI has the bits of one process.
func TestMPISums(t *testing.T) {
	want := fmt.Sprintf("%x", sha256.Sum256(numbers.Bytes(tree(0, testMicros, testElements))))
	eachMPI(t, func(t *testing.T, mpirun string) {
		check := func(ranks int, library string) {
			c, out := launch(t, mpirun, ranks, "add", library)
			err := c.Wait()
			line := fmt.Sprintf("%s %d from rank 0", want, ranks-1)
			if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); err != nil || len(lines) != ranks ||
				slices.ContainsFunc(lines, func(l string) bool { return l != line }) {
				t.Errorf("%d ranks, library %q: %v\n%s\nwant each: %s", ranks, library, err, out, line)
			}
		}
		for ranks := 1; ranks <= 4; ranks++ {
			check(ranks, "")
		}
		for _, name := range []string{"libmpi.so.40", "libmpi_abi.so.1", "libmpi.so.12"} { // each binary interface
			library := filepath.Join(filepath.Dir(filepath.Dir(mpirun)), "lib", name)
			if _, err := os.Stat(library); err == nil {
				check(2, library)
			}
		}
	})
}

// If one rank fails, all end, and its message is there.
func TestMPIFailures(t *testing.T) {
	eachMPI(t, func(t *testing.T, mpirun string) {
		for does, want := range map[string]string{
			"panic":               "rank 1 of 4: panic: runtime error: invalid memory address",
			"panic elsewhere":     "panic: a goroutine fell",
			"error":               "rank 1 of 4: the disk is full",
			"error while waiting": "rank 1 of 4: the disk is full",
			"killed":              "",
		} {
			c, out := launch(t, mpirun, 4, does, "")
			done := make(chan error, 1)
			go func() { done <- c.Wait() }()
			if does == "killed" {
				var m []string
				for start := time.Now(); m == nil && time.Since(start) < 10*time.Second; time.Sleep(100 * time.Millisecond) {
					m = regexp.MustCompile(`pid (\d+)\n`).FindStringSubmatch(out.String())
				}
				if m == nil {
					t.Fatalf("rank 1 did not tell its process\n%s", out)
				}
				pid, _ := strconv.Atoi(m[1])
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case err := <-done:
				if err == nil || !strings.Contains(out.String(), want) {
					t.Errorf("%s: mpirun ended with %v\n%s\nwant: %s", does, err, out, want)
				}
			case <-time.After(10 * time.Second):
				c.Process.Kill()
				t.Fatalf("%s: the ranks still run\n%s", does, out)
			}
		}
	})
}

// A variable that names no MPI library, or none at all, is told with what to do.
func TestNoMPI(t *testing.T) {
	t.Setenv("OMPI_COMM_WORLD_SIZE", "2")
	for _, c := range []struct{ library, want string }{
		{"/nowhere/libmpi.so", "FOVEA_MPI: "},
		{"libm.so.6", "FOVEA_MPI: libm.so.6 is no MPI library: it has no function MPI_"},
	} {
		t.Setenv(variable, c.library)
		if _, err := Open(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want: %s", c.library, err, c.want)
		}
	}
	t.Setenv("OMPI_COMM_WORLD_SIZE", "1")
	if g, err := Open(t.Context()); err != nil || g.Size() != 1 {
		t.Errorf("one process: %v", err)
	}
}

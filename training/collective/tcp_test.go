package collective

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fovea/training/optim"
)

// meet calls f for each rank of a group over TCP, or with the error of its meeting. Each is a goroutine here.
func meet(t *testing.T, m Meeting, f func(g *Group, rank int, err error)) {
	t.Helper()
	var wg sync.WaitGroup
	for rank := range m.Size {
		wg.Go(func() {
			mine := m
			mine.Rank = rank
			g, err := mine.Join(t.Context())
			f(g, rank, err)
		})
	}
	wg.Wait()
}

// inFile describes a meeting by a file.
func inFile(t *testing.T, size int) Meeting {
	return Meeting{Size: size, Host: "127.0.0.1", File: filepath.Join(t.TempDir(), "meet"), Secret: "secret"}
}

// freePort returns a port at which nobody listens now.
func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// The sums have the bits of the definition, and numbers and bytes arrive, also in several pieces.
func TestTCP(t *testing.T) {
	const long = 2*mostPiece + 17
	sums := []struct {
		n, micros int
		want      []float32
	}{{n: 1, micros: 1}, {n: 1, micros: 4}, {n: 1000, micros: 1}, {n: 1000, micros: 2}, {n: 1000, micros: 3},
		{n: 1000, micros: 5}, {n: 1000, micros: 8}, {n: 1000, micros: 13}, {n: long, micros: 6}}
	for i, s := range sums {
		sums[i].want = tree(0, s.micros, s.n)
	}
	text := strings.Repeat("seven b", mostPiece)
	for _, size := range []int{1, 2, 3, 5} {
		meet(t, inFile(t, size), func(g *Group, rank int, err error) {
			if err != nil || g.Rank() != rank || g.Size() != size {
				t.Errorf("rank %d of %d: %v", rank, size, err)
				return
			}
			for _, s := range sums {
				if got, err := add(g, s.micros, s.n); err != nil || !sameBits(got, s.want) {
					t.Errorf("%d elements, %d micro-batches, rank %d of %d: another sum, %v", s.n, s.micros, rank, size, err)
				}
			}
			x, err := g.Max(-1 / float64(1+rank))
			if x != -1/float64(size) || err != nil {
				t.Errorf("rank %d of %d: the largest is %v, %v", rank, size, x, err)
			}
			got, err := g.Broadcast([]byte(text[rank:]))
			if string(got) != text || err != nil {
				t.Errorf("rank %d of %d received %d bytes, %v", rank, size, len(got), err)
			}
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A chunk of 40 ranks is one rank's own and takes two messages, in which the others have nothing.
func TestUnequalPieces(t *testing.T) {
	want := gradients(0, optim.Chunk)
	meet(t, inFile(t, 40), func(g *Group, rank int, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		start, end := Piece(len(want), rank, g.Size())
		whole, piece := slices.Clone(want), make([]float32, end-start)
		if err := g.Scatter(whole, piece, len(want)); err != nil || !sameBits(piece, want[start:end]) {
			t.Errorf("rank %d has another piece, %v", rank, err)
		}
		clear(whole)
		if err := g.Collect(whole, piece, len(want)); err != nil || rank == 0 && !sameBits(whole, want) {
			t.Errorf("rank %d: another whole, %v", rank, err)
		}
		g.Close()
	})
}

// Where torchrun listens at the port itself, the next one is taken. A file of a former run leads nowhere, and is
// replaced.
func TestMeetings(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") // by another program, which says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	go func() {
		for {
			c, err := taken.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	stale := inFile(t, 3)
	text := fmt.Sprintf(`{"Addresses": ["127.0.0.1:%d", "%s"], "Secret": "old"}`, freePort(t), taken.Addr())
	if err := os.WriteFile(stale.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	everywhere := inFile(t, 2)
	everywhere.Host = ""
	for _, m := range []Meeting{
		{Size: 3, Host: "localhost", Port: taken.Addr().(*net.TCPAddr).Port}, stale, everywhere,
	} {
		meet(t, m, func(g *Group, rank int, err error) {
			if err == nil {
				err = errors.Join(g.Barrier(), g.Close())
			}
			if err != nil {
				t.Errorf("%+v, rank %d: %v", m, rank, err)
			}
		})
	}
	if _, err := os.Stat(stale.File); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of the meeting is left: %v", err)
	}
}

// A stranger is hung up on, and disturbs nobody: one that says nothing, one that says nonsense, one with another secret,
// one of a run with another number of processes.
func TestStrangers(t *testing.T) {
	port := freePort(t)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	leader := Meeting{Size: 2, Host: "127.0.0.1", Port: port, Secret: "secret"}
	joined := make(chan error, 1)
	var g *Group
	go func() {
		var err error
		g, err = leader.Join(t.Context())
		joined <- err
	}()
	dial := func() net.Conn {
		for {
			c, err := net.Dial("tcp", address)
			if err == nil {
				t.Cleanup(func() { c.Close() })
				return c
			}
			time.Sleep(time.Millisecond)
		}
	}
	dial()
	c := dial()
	fmt.Fprint(c, strings.Repeat("GET / HTTP/1.1\r\n", 10))
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("nonsense is answered: %v", err)
	}
	for _, stranger := range []Meeting{
		{Rank: 1, Size: 2, Host: "127.0.0.1", Port: port, Secret: "guessed", wait: 100*time.Millisecond - 2*helloTime},
		{Rank: 1, Size: 3, Host: "127.0.0.1", Port: port, Secret: "secret", wait: 100*time.Millisecond - 2*helloTime},
	} {
		if _, err := stranger.Join(t.Context()); !errors.Is(err, errStranger) {
			t.Errorf("%+v came in: %v", stranger, err)
		}
	}
	follower := leader
	follower.Rank = 1
	f, err := follower.Join(t.Context())
	if err := errors.Join(err, <-joined); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- errors.Join(f.Barrier(), f.Close()) }()
	if err := errors.Join(g.Barrier(), g.Close(), <-done); err != nil {
		t.Error(err)
	}
}

// Those who came learn who did not.
func TestMissingRanks(t *testing.T) {
	m := inFile(t, 4)
	var wg sync.WaitGroup
	for _, rank := range []int{0, 2} {
		wg.Go(func() {
			mine := m
			mine.Rank, mine.wait = rank, 300*time.Millisecond
			_, err := mine.Join(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), "rank 0 of 4 waited 300ms at 127.0.0.1:") ||
				!strings.Contains(err.Error(), "these ranks did not come: 1, 3;") {
				t.Errorf("rank %d: %v", rank, err)
			}
		})
	}
	wg.Wait()
	alone := inFile(t, 2)
	alone.Rank, alone.wait = 1, 100*time.Millisecond-2*helloTime
	if _, err := alone.Join(t.Context()); err == nil || !strings.Contains(err.Error(), "rank 1 of 2 did not find rank 0") {
		t.Errorf("without rank 0: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the plug is pulled"))
	if _, err := inFile(t, 2).Join(ctx); err == nil || !strings.Contains(err.Error(), "the plug is pulled") {
		t.Errorf("without time: %v", err)
	}
}

// The reason of one rank ends all, also those that wait for another. So does a rank that vanishes, or makes another call.
func TestTCPFailures(t *testing.T) {
	for want, fails := range map[string]func(g *Group){
		"rank 2 of 4: the disk is full": func(g *Group) { g.Abort(errors.New("the disk is full")) },
		"rank 2 of 4 is gone": func(g *Group) {
			c := g.transport.(*tcp)
			c.mu.Lock()
			c.failed = errors.New("killed")
			close(c.ended)
			c.mu.Unlock()
			closeAll(c.words)
			closeAll(c.data)
		},
		"the processes do not do the same": func(g *Group) { g.Gather(make([]float64, 100), slices.Repeat([]int{100}, 4)) },
	} {
		meet(t, inFile(t, 4), func(g *Group, rank int, err error) {
			if err != nil {
				t.Error(err)
				return
			}
			defer g.Close()
			err = g.Barrier()
			if rank == 2 {
				fails(g)
				return
			}
			if err := errors.Join(err, g.Barrier()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("rank %d: %v, want: %s", rank, err, want)
			}
		})
	}
}

// What a meeting cannot be is an error at once, and names the variable.
func TestImpossibleMeetings(t *testing.T) {
	for _, c := range []struct {
		m    Meeting
		want string
	}{{Meeting{Rank: 2, Size: 2}, "set RANK and WORLD_SIZE so"}, {Meeting{Rank: -1, Size: 2}, "set RANK and WORLD_SIZE so"},
		{Meeting{Size: 99999999999}, "WORLD_SIZE is 99999999999, the most are 65536"},
		{Meeting{Size: 2, File: filepath.Join(t.TempDir(), "none", "meet")}, "name a file in a folder that all processes can write"},
	} {
		if _, err := c.m.Join(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want: %s", c.m, err, c.want)
		}
	}
}

func TestFromEnviron(t *testing.T) {
	for _, c := range []struct {
		variables string
		want      Meeting
		found     bool
		err       string
	}{
		{"", Meeting{}, false, ""},
		{"RANK=1 WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=29500", Meeting{Rank: 1, Size: 2, Host: "h", Port: 29500}, true, ""},
		{"RANK=1 WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=29500 TORCHELASTIC_USE_AGENT_STORE=True",
			Meeting{Rank: 1, Size: 2, Host: "h", Port: 29501}, true, ""},
		{"RANK=1 WORLD_SIZE=2 FOVEA_MEET=f FOVEA_SECRET=s", Meeting{Rank: 1, Size: 2, File: "f", Secret: "s"}, true, ""},
		{"RANK=0 WORLD_SIZE=1", Meeting{Size: 1}, false, ""},
		{"RANK=1 WORLD_SIZE=2", Meeting{}, false, "not where they meet: set MASTER_ADDR and MASTER_PORT, or FOVEA_MEET"},
		{"RANK=1 WORLD_SIZE=2 MASTER_ADDR=h MASTER_PORT=x", Meeting{}, false, `MASTER_PORT is "x", not a port`},
		{"FOVEA_MEET=f", Meeting{}, false, `RANK is "" and WORLD_SIZE is ""`},
		{"WORLD_SIZE=2 MASTER_ADDR=h", Meeting{}, false, `RANK is "" and WORLD_SIZE is "2"`},
	} {
		got, found, err := FromEnviron(func(name string) string {
			_, value, _ := strings.Cut(" "+c.variables+" ", " "+name+"=")
			value, _, _ = strings.Cut(value, " ")
			return value
		})
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want: %s", c.variables, err, c.err)
			}
		} else if got != c.want || found != c.found || err != nil {
			t.Errorf("%s: %+v, %v, %v", c.variables, got, found, err)
		}
	}
	m := Meeting{Size: 3, Host: "127.0.0.1", File: "f", Secret: "s"}
	list := m.Environ([]string{"A=1", "RANK=7"}, 2, 5)
	slices.Sort(list)
	want := "A=1 FOVEA_CHILD=1 FOVEA_MEET=f FOVEA_SECRET=s LOCAL_RANK=5 MASTER_ADDR=127.0.0.1 RANK=2 WORLD_SIZE=3"
	if got := strings.Join(list, " "); got != want {
		t.Errorf("a child has %s, want %s", got, want)
	}
}

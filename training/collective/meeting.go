package collective

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Meeting says where and as what a process meets the others over TCP. Rank 0 listens, and the others come.
type Meeting struct {
	Rank, Size int
	Host       string // of rank 0, which listens only there; with File "" for all its addresses
	Port       int    // the first of those that are tried; with File any
	File       string // on a disk that all see, in which rank 0 says where it listens; "": at Host and Port
	Secret     string // that all processes know
	Follows    bool   // the process ends with its parent, and leaves it to rank 0 to say why

	wait time.Duration // for all to come; 0: meetingTime
}

const (
	meetingTime   = 10 * time.Minute // a cluster may have to fetch an image first
	portsTried    = 8                // torchrun may use the first itself
	mostProcesses = 1 << 16
	helloTime     = 5 * time.Second // within which a caller proves who it is
)

// Join waits until all processes of a meeting have come, and returns their group.
func (m Meeting) Join(ctx context.Context) (*Group, error) {
	if m.Size < 1 || m.Rank < 0 || m.Rank >= m.Size {
		return nil, fmt.Errorf("this process is rank %d of %d, but ranks count from 0 to the number of processes less one: "+
			"set %s and %s so", m.Rank, m.Size, rankVariable, sizeVariable)
	}
	if m.Size > mostProcesses {
		return nil, fmt.Errorf("%s is %d, the most are %d: set it to the number of processes", sizeVariable, m.Size,
			mostProcesses)
	}
	if m.wait == 0 {
		m.wait = meetingTime
	}
	if m.Rank > 0 {
		m.wait += 2 * helloTime // rank 0 knows best who is missing
	}
	ctx, cancel := context.WithTimeoutCause(ctx, m.wait, errLate)
	defer cancel()
	a := &arrival{Meeting: m, came: make(chan caller)}
	a.tcp = &tcp{rank: m.Rank, size: m.Size, data: make([]net.Conn, m.Size), words: make([]net.Conn, m.Size),
		follows: m.Follows}
	meet := a.lead
	if m.Rank > 0 {
		meet = a.follow
	}
	err := meet(ctx)
	if a.listener != nil {
		a.listener.Close()
	}
	if err != nil {
		closeAll(a.tcp.data)
		closeAll(a.tcp.words)
		return nil, err
	}
	for _, c := range a.tcp.data {
		if c != nil {
			c.SetDeadline(time.Time{})
		}
	}
	a.tcp.start()
	return &Group{transport: a.tcp}, nil
}

var errLate = errors.New("the time is over")

// An arrival is a process on its way into a group.
type arrival struct {
	Meeting
	tcp      *tcp
	listener net.Listener
	key      []byte
	came     chan caller
}

// A caller is another rank, which has proven that it belongs to the group.
type caller struct {
	rank  int
	words bool // the connection is for words, not for numbers
	net.Conn
}

// lead collects the connections for words, tells each rank the addresses of all, and collects those for numbers.
func (a *arrival) lead(ctx context.Context) error {
	if err := a.listen(ctx); err != nil {
		return err
	}
	if a.File != "" {
		if err := a.publish(); err != nil {
			return err
		}
		defer os.Remove(a.File)
	}
	go a.accept(ctx)
	addresses := make([]string, a.Size)
	for came := 1; came < a.Size; {
		c, err := a.next(ctx, a.tcp.words)
		if err != nil {
			for _, c := range a.tcp.words {
				if c != nil {
					say(c, aborts, []byte(err.Error()))
				}
			}
			return err
		}
		kind, address, err := hear(c)
		if err != nil || kind != tells || !c.words {
			c.Close()
			continue
		}
		if before := a.tcp.words[c.rank]; before != nil { // it has called again
			before.Close()
			came--
		}
		came++
		a.tcp.words[c.rank], addresses[c.rank] = c.Conn, string(address)
	}
	table, err := json.Marshal(addresses)
	if err != nil {
		return err
	}
	for rank, c := range a.tcp.words {
		if c != nil {
			if err := say(c, tells, table); err != nil {
				return a.tcp.gone(rank, err)
			}
		}
	}
	return a.collect(ctx, a.Size-1)
}

// follow comes to rank 0, learns from it where the others are, connects to those below it and waits for those above.
func (a *arrival) follow(ctx context.Context) error {
	first, address, err := a.find(ctx)
	if err != nil {
		return err
	}
	a.tcp.words[0] = first
	// The others come to where this process is seen from rank 0.
	host, _, err := net.SplitHostPort(first.LocalAddr().String())
	if err == nil {
		a.listener, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err == nil {
		err = say(first, tells, []byte(a.listener.Addr().String()))
	}
	if err != nil {
		return err
	}
	go a.accept(ctx)
	stop := context.AfterFunc(ctx, func() { first.SetDeadline(time.Unix(1, 0)) })
	first.SetDeadline(time.Time{})
	kind, text, err := hear(first)
	stop()
	switch {
	case context.Cause(ctx) != nil:
		return fmt.Errorf("rank %d of %d waited for the others: %w", a.Rank, a.Size, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("rank 0 of %d ended before all had met, or another process is rank %d too (%s): %w", a.Size,
			a.Rank, rankVariable, err)
	case kind == aborts:
		return errors.New(string(text))
	}
	var addresses []string
	if err := json.Unmarshal(text, &addresses); err != nil || len(addresses) != a.Size {
		return fmt.Errorf("rank 0 told %.300q, not where the %d processes are", text, a.Size)
	}
	addresses[0] = address
	for rank := range a.Rank {
		if a.tcp.data[rank], err = a.call(ctx, addresses[rank], rank, false); err == nil && rank > 0 {
			a.tcp.words[rank], err = a.call(ctx, addresses[rank], rank, true)
		}
		if err != nil {
			return fmt.Errorf("rank %d of %d cannot reach rank %d: %w", a.Rank, a.Size, rank, err)
		}
	}
	return a.collect(ctx, 2*(a.Size-1-a.Rank))
}

// collect waits for the connections of higher ranks.
func (a *arrival) collect(ctx context.Context, n int) error {
	for range n {
		c, err := a.next(ctx, a.tcp.data)
		if err != nil {
			return err
		}
		if c.words {
			a.tcp.words[c.rank] = c.Conn
		} else {
			a.tcp.data[c.rank] = c.Conn
		}
	}
	return nil
}

// next returns the next rank that comes. It says now and then who is missing among connections.
func (a *arrival) next(ctx context.Context, connections []net.Conn) (caller, error) {
	missing := func() string {
		var ranks []string
		for rank, c := range connections {
			if rank != a.Rank && c == nil && (a.Rank == 0 || rank > a.Rank) {
				ranks = append(ranks, strconv.Itoa(rank))
			}
		}
		return strings.Join(ranks, ", ")
	}
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case c := <-a.came:
			return c, nil
		case <-tick.C:
			slog.Warn("waiting for other processes", "ranks", missing(), "of", a.Size, "at", a.listener.Addr())
		case <-ctx.Done():
			if cause := context.Cause(ctx); cause != errLate {
				return caller{}, fmt.Errorf("rank %d of %d waited for the others: %w", a.Rank, a.Size, cause)
			}
			return caller{}, fmt.Errorf("rank %d of %d waited %v at %v, but these ranks did not come: %s; start them with "+
				"the same number of processes, and see that they reach this address", a.Rank, a.Size, a.wait,
				a.listener.Addr(), missing())
		}
	}
}

// listen opens the address where rank 0 waits: only that of the host.
func (a *arrival) listen(ctx context.Context) error {
	hosts := []string{""}
	for a.Host != "" {
		var err error
		if hosts, err = net.DefaultResolver.LookupHost(ctx, a.Host); err == nil {
			break
		}
		select {
		case <-time.After(time.Second): // a cluster may publish the name after the process has started
		case <-ctx.Done():
			return fmt.Errorf("MASTER_ADDR, the host of rank 0, cannot be found: %w", err)
		}
	}
	ports := []int{0}
	for i := range portsTried {
		if a.File == "" {
			ports = append(ports[:i], a.Port+i)
		}
	}
	var last error
	for _, port := range ports {
		for _, host := range hosts {
			l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
			if err == nil {
				a.listener = l
				a.setKey("")
				return nil
			}
			last = err
		}
	}
	return fmt.Errorf("rank 0 cannot listen at MASTER_ADDR %s, ports %d to %d: %w; MASTER_ADDR must be an address of its "+
		"machine", a.Host, ports[0], ports[len(ports)-1], last)
}

// A notice is what rank 0 writes into a meeting's file.
type notice struct {
	Addresses []string
	Secret    string // so that nobody joins who cannot read the file
}

// publish writes the file of a meeting, in the place of one that a former run left. The others see it whole.
func (a *arrival) publish() (err error) {
	n := notice{Secret: rand.Text()}
	host, port, err := net.SplitHostPort(a.listener.Addr().String())
	if err != nil {
		return err
	}
	hosts := []string{host}
	if a.Host == "" {
		if hosts, err = ownAddresses(); err != nil {
			return err
		}
	}
	for _, host := range hosts {
		n.Addresses = append(n.Addresses, net.JoinHostPort(host, port))
	}
	a.setKey(n.Secret)
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(a.File), filepath.Base(a.File)) // which only its owner may read
	if err != nil {
		return fmt.Errorf("%s: writing %s: %w; name a file in a folder that all processes can write", fileVariable, a.File, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), a.File)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("%s: writing %s: %w; name a file in a folder that all processes can write", fileVariable, a.File, err)
	}
	return nil
}

// ownAddresses returns the addresses of this machine, those that others reach first.
func ownAddresses() ([]string, error) {
	list, err := net.InterfaceAddrs()
	var reached, inside []string
	for _, address := range list {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.IsLoopback() {
			inside = append(inside, ip.IP.String())
		} else if ok && ip.IP.IsGlobalUnicast() {
			reached = append(reached, ip.IP.String())
		}
	}
	return append(reached, inside...), err
}

// places returns where rank 0 may be.
func (a *arrival) places() ([]string, error) {
	if a.File == "" {
		a.setKey("")
		var list []string
		for i := range portsTried {
			list = append(list, net.JoinHostPort(a.Host, strconv.Itoa(a.Port+i)))
		}
		return list, nil
	}
	text, err := os.ReadFile(a.File)
	if err != nil {
		return nil, err
	}
	var n notice
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("%s is no file of a meeting: %w", a.File, err)
	}
	a.setKey(n.Secret)
	return n.Addresses, nil
}

// find calls rank 0 until it answers. A file may be of a former run, whose rank 0 is no more, and is read again.
func (a *arrival) find(ctx context.Context) (c net.Conn, address string, err error) {
	var last error
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		list, err := a.places()
		if err != nil {
			last = err
		}
		for _, address := range list {
			c, err := a.call(ctx, address, 0, true)
			if err == nil {
				return c, address, nil
			}
			if last == nil || ctx.Err() == nil && !errors.Is(last, errStranger) {
				last = err
			}
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); cause != errLate {
				return nil, "", fmt.Errorf("rank %d of %d looked for rank 0: %w", a.Rank, a.Size, cause)
			}
			return nil, "", fmt.Errorf("rank %d of %d did not find rank 0 within %v: %w", a.Rank, a.Size, a.wait, last)
		case <-time.After(pause):
		}
	}
}

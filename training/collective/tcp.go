package collective

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"fovea/internal/numbers"
)

// A tcp is a group of processes with two connections between each two of them: one for numbers, one for words.
type tcp struct {
	rank, size int
	data       []net.Conn // to each rank; nil to itself
	words      []net.Conn // likewise
	follows    bool       // the process speaks through rank 0 alone, and ends with the group
	exchanges  uint32     // done; for one goroutine at a time

	mu     sync.Mutex
	failed error
	ended  chan struct{}  // closed with failed
	last   *time.Timer    // ends the process some time after a failure
	left   sync.WaitGroup // ranks that have not said farewell
}

// grace is the time that a process has to end by itself once the group has failed.
const grace = 5 * time.Second

// Words between ranks have a kind and a length before them. The peer has proven who it is, but a length is checked all
// the same.
const (
	aborts, leaves, tells = 'a', 'l', 't'

	mostWords = 1 << 20 // bytes
)

func say(c net.Conn, kind byte, text []byte) error {
	text = text[:min(len(text), mostWords)]
	c.SetWriteDeadline(time.Now().Add(grace))
	_, err := c.Write(append(binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(text))), text...))
	return err
}

func hear(c net.Conn) (kind byte, text []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > mostWords {
		return 0, nil, fmt.Errorf("a message claims %d bytes", n)
	}
	text = make([]byte, n)
	_, err = io.ReadFull(c, text)
	return head[0], text, err
}

// start listens to the words of all ranks.
func (t *tcp) start() {
	t.ended = make(chan struct{})
	for rank, c := range t.words {
		if c == nil {
			continue
		}
		c.SetDeadline(time.Time{})
		if c, ok := c.(*net.TCPConn); ok { // a machine that lost its network says nothing
			c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: grace, Interval: grace, Count: 3})
		}
		t.left.Add(1)
		go func() {
			defer t.left.Done()
			switch kind, text, err := hear(c); {
			case err != nil:
				t.fail(t.gone(rank, err))
			case kind == aborts:
				t.fail(errors.New(string(text)))
			}
		}()
	}
}

func (t *tcp) gone(rank int, err error) error {
	return fmt.Errorf("rank %d of %d is gone (%w): its process was killed or had no memory left, or its machine is out of "+
		"reach", rank, t.size, err)
}

// fail ends all exchanges, now and later, with a reason, of which it tells the other ranks.
func (t *tcp) fail(reason error) {
	t.mu.Lock()
	if t.failed != nil {
		t.mu.Unlock()
		return
	}
	t.failed = reason
	if !t.follows {
		t.last = time.AfterFunc(grace, func() {
			slog.Error(reason.Error())
			os.Exit(1)
		})
	}
	t.mu.Unlock()
	for _, c := range t.words {
		if c != nil {
			say(c, aborts, []byte(reason.Error()))
		}
	}
	if t.follows {
		os.Exit(1)
	}
	close(t.ended)
	for _, c := range t.data {
		if c != nil {
			c.Close()
		}
	}
}

func (t *tcp) abort(reason error) { t.fail(reason) }

func (t *tcp) Rank() int { return t.rank }
func (t *tcp) Size() int { return t.size }

func (t *tcp) exchange(send []float32, to ranges, receive []float32, from ranges) error {
	t.exchanges++
	var wg sync.WaitGroup
	for rank, c := range t.data {
		out := send[to.start[rank]:][:to.length[rank]]
		in := receive[from.start[rank]:][:from.length[rank]]
		if c == nil {
			copy(in, out)
			continue
		}
		if len(out) > 0 {
			wg.Go(func() {
				t.check(rank, writeFrame(c, t.exchanges, numbers.Bytes(out)))
			})
		}
		if len(in) > 0 {
			wg.Go(func() {
				t.check(rank, readFrame(c, t.exchanges, numbers.Bytes(in)))
			})
		}
	}
	wg.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// check ends the group if a connection failed. The other rank may have said why.
func (t *tcp) check(rank int, err error) {
	if err == nil {
		return
	}
	if errors.Is(err, errFrame) {
		t.fail(fmt.Errorf("rank %d of %d, from rank %d: %w", t.rank, t.size, rank, err))
	}
	select {
	case <-t.ended:
	case <-time.After(2 * time.Second):
		t.fail(t.gone(rank, err))
	}
}

// A frame has a mark, the number of the exchange and its length in bytes before its numbers, so that ranks that do not
// make the same calls notice.
const frameMark = 0xf07eada1

var errFrame = errors.New("the processes do not do the same")

func writeFrame(c net.Conn, exchange uint32, numbers []byte) error {
	head := binary.LittleEndian.AppendUint32(nil, frameMark)
	head = binary.LittleEndian.AppendUint32(head, exchange)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(numbers)))
	buffers := net.Buffers{head, numbers}
	_, err := buffers.WriteTo(c)
	return err
}

func readFrame(c net.Conn, exchange uint32, numbers []byte) error {
	var head [12]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	mark, number, n := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:]),
		binary.LittleEndian.Uint32(head[8:])
	if mark != frameMark || number != exchange || int(n) != len(numbers) {
		return fmt.Errorf("exchange %d brought %d bytes of exchange %d, mark %#x, want %d bytes: %w", exchange, n, number,
			mark, len(numbers), errFrame)
	}
	_, err := io.ReadFull(c, numbers)
	return err
}

// Close says farewell and waits for that of all others. After a failure it waits for nobody.
func (t *tcp) Close() error {
	for rank, c := range t.words {
		if c != nil {
			if err := say(c, leaves, nil); err != nil {
				t.check(rank, err)
			}
		}
	}
	all := make(chan struct{})
	go func() {
		t.left.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-t.ended:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != nil {
		t.last.Stop()
	}
	closeAll(t.data)
	closeAll(t.words)
	return nil
}

func closeAll(connections []net.Conn) {
	for _, c := range connections {
		if c != nil {
			c.Close()
		}
	}
}

package collective

import "sync"

// Local returns a group of ranks within this process, each for a goroutine of its own. A group of one is what a
// process without a launcher has.
func Local(size int) []*Group {
	h := &hall{size: size, posted: make([]*message, size)}
	h.changed.L = &h.mu
	groups := make([]*Group, size)
	for rank := range groups {
		groups[rank] = &Group{transport: &local{h, rank}}
	}
	return groups
}

// A hall joins goroutines.
type hall struct {
	mu      sync.Mutex
	changed sync.Cond
	size    int
	posted  []*message // what each rank sends; nil until it is there
	read    int        // ranks that have copied what they get
	failed  error
}

type message struct {
	send []float32
	to   ranges
}

type local struct {
	*hall
	rank int
}

func (l *local) Rank() int { return l.rank }
func (l *local) Size() int { return l.size }

func (l *local) exchange(send []float32, to ranges, receive []float32, from ranges) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	// The last exchange is over once all have read. Only then may its messages be replaced.
	l.wait(func() bool { return l.posted[l.rank] == nil })
	l.posted[l.rank] = &message{send, to}
	l.changed.Broadcast()
	l.wait(func() bool {
		for _, m := range l.posted {
			if m == nil {
				return false
			}
		}
		return true
	})
	if l.failed != nil {
		return l.failed
	}
	for rank, m := range l.posted {
		start, n := m.to.start[l.rank], m.to.length[l.rank]
		if n > 0 {
			copy(receive[from.start[rank]:from.start[rank]+from.length[rank]], m.send[start:start+n])
		}
	}
	l.read++
	if l.read == l.size {
		l.read = 0
		clear(l.posted)
		l.changed.Broadcast()
		return nil
	}
	// send is the caller's again when all have read it.
	mine := l.posted[l.rank]
	l.wait(func() bool { return l.posted[l.rank] != mine })
	return l.failed
}

func (l *local) wait(until func() bool) {
	for l.failed == nil && !until() {
		l.changed.Wait()
	}
}

func (l *local) abort(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = reason
	}
	l.changed.Broadcast()
}

func (l *local) Close() error { return nil }

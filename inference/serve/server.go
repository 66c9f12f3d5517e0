package serve

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"fovea/data/pixels"
	"fovea/inference"
	"fovea/inference/explain"
	"fovea/internal/webserver"
)

// Limits of a server. The zero value of a field is its default.
type Limits struct {
	Connections int   // open at a time: 1024; more wait
	Queue       int   // uploads under way: 256
	Bytes       int64 // of a file: 32 MiB
	Pixels      int   // of an image: 40 million
	Memory      int64 // bytes of all uploads under way: 1 GiB
	// How long a client may take over the header (5 s), over all of the request (30 s), and until it has taken the
	// answer (90 s).
	Header, Request, Answer time.Duration
	Drain                   time.Duration // how long the rest of a refused upload is read: 5 s
	Stop                    time.Duration // until requests under way are given up, 20 s
}

func (l Limits) withDefaults() Limits {
	set(&l.Connections, 1024)
	set(&l.Queue, 256)
	set(&l.Bytes, 32<<20)
	set(&l.Pixels, 40_000_000)
	set(&l.Memory, 1<<30)
	set(&l.Header, 5*time.Second)
	set(&l.Request, 30*time.Second)
	set(&l.Answer, 90*time.Second)
	set(&l.Drain, 5*time.Second)
	set(&l.Stop, 20*time.Second)
	l.Memory = max(l.Memory, l.Bytes)
	return l
}

func set[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// mostDecoders bounds the memory of images that are being decoded: some formats take ten bytes a pixel meanwhile.
const mostDecoders = 8

// Server classifies images that clients send.
type Server struct {
	description *inference.Description
	rule        *inference.Rule // nil: none
	limits      Limits
	batcher     *batcher
	explainer   *explainer
	decoders    chan struct{} // one for each that decodes
	uploads     atomic.Int64  // under way
	reserved    atomic.Int64  // bytes of them
	counts      *counts
	notes       pixels.Tally // of the images, logged when the server ends
	hosts       webserver.Hosts
}

// New returns a server of a classifier that d describes, and of x, the same model opened to be explained by one method.
// If x is nil, noMaps is the answer to requests for a heat map. The server uses both models until Serve returns; the
// caller closes them then.
func New(c *inference.Classifier, d *inference.Description, x *explain.Model, noMaps error, l Limits) (*Server, error) {
	if err := c.RunFewer(); err != nil {
		return nil, err
	}
	rule, err := d.DefaultRule()
	if err != nil {
		return nil, err
	}
	s := &Server{description: d, rule: rule, limits: l.withDefaults(), counts: newCounts(),
		explainer: newExplainer(x, noMaps), decoders: make(chan struct{}, min(runtime.GOMAXPROCS(0), mostDecoders))}
	s.batcher = &batcher{classifier: c, counts: s.counts, waiting: make(chan *job, c.Batch())}
	return s, nil
}

// Serve answers on l until ctx is done; then it takes no more requests and answers those under way. It closes l.
// Requests whose Host header is neither the address of l, a name of the loopback interface nor one of hosts are
// refused. If l listens at all addresses, these and the name of the machine are answered too.
func (s *Server) Serve(ctx context.Context, l net.Listener, hosts ...string) error {
	s.hosts = webserver.NewHosts(l.Addr(), hosts)
	batching, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.batcher.run(batching)
	}()
	defer func() {
		stop()
		<-done
	}()
	defer s.notes.Log()
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: s.limits.Header, ReadTimeout: s.limits.Request,
		WriteTimeout: s.limits.Answer, IdleTimeout: s.limits.Request, MaxHeaderBytes: 16 << 10}
	return webserver.Serve(ctx, server, l, s.limits.Connections, s.limits.Stop)
}

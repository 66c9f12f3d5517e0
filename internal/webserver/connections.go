package webserver

import (
	"context"
	"net"
	"net/http"
)

// connections is a listener that accepts only so many connections at a time; the system keeps those that wait. It does
// not wrap them, because net/http closes TCP connections in its own way.
type connections struct {
	net.Listener
	ctx  context.Context // ends waiting
	room chan struct{}   // one for each that is open
}

func (c *connections) Accept() (net.Conn, error) {
	select {
	case c.room <- struct{}{}:
	case <-c.ctx.Done():
		return nil, net.ErrClosed
	}
	accepted, err := c.Listener.Accept()
	if err != nil {
		<-c.room
	}
	return accepted, err
}

// changed makes room for the next connection when one is closed. It is the server's ConnState.
func (c *connections) changed(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		<-c.room
	}
}

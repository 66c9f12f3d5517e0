package collective

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"
)

// A hello proves to both sides of a connection that the other knows the key, without telling it: the caller sends who
// it is and a random number, gets another with a code over both, and answers with its own code.
const (
	helloMark  = "fovea/1\n"
	nonceBytes = 16
	helloBytes = len(helloMark) + 6 + nonceBytes
)

var errStranger = errors.New("what listens there belongs to another run, or has another FOVEA_SECRET")

// setKey makes the key of the group, with a secret of a meeting's file.
func (a *arrival) setKey(ofFile string) {
	key := []any{"fovea", a.Secret, ofFile, a.Size}
	for _, name := range runVariables {
		key = append(key, os.Getenv(name))
	}
	text, _ := json.Marshal(key)
	sum := sha256.Sum256(text)
	a.key = sum[:]
}

func code(key []byte, side string, hello, nonce []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(bytes.Join([][]byte{[]byte(side), hello, nonce}, nil))
	return h.Sum(nil)
}

// call connects to a rank.
func (a *arrival) call(ctx context.Context, address string, to int, words bool) (_ net.Conn, err error) {
	d := net.Dialer{Timeout: helloTime}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c.SetDeadline(time.Now().Add(helloTime))
	kind := byte(0)
	if words {
		kind = 1
	}
	hello := append([]byte(helloMark), byte(a.Rank), byte(a.Rank>>8), byte(a.Rank>>16), byte(to), byte(to>>8), kind)
	hello = append(hello, rand.Text()[:nonceBytes]...)
	if _, err := c.Write(hello); err != nil {
		return nil, err
	}
	answer := make([]byte, nonceBytes+sha256.Size)
	if _, err := io.ReadFull(c, answer); err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", address, errStranger, err)
	}
	nonce := answer[:nonceBytes]
	if !hmac.Equal(answer[nonceBytes:], code(a.key, "listens", hello, nonce)) {
		return nil, fmt.Errorf("%s: %w", address, errStranger)
	}
	if _, err := c.Write(code(a.key, "calls", hello, nonce)); err != nil {
		return nil, err
	}
	return c, nil
}

// accept lets those in who know the key, until the listener is closed. Others are hung up on.
func (a *arrival) accept(ctx context.Context) {
	for {
		c, err := a.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no file descriptor, or a caller that is gone again
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go func() {
			from, err := a.admit(c)
			if err != nil {
				slog.Debug("a connection was refused", "from", c.RemoteAddr(), "because", err)
				c.Close()
				return
			}
			select {
			case a.came <- from:
			case <-ctx.Done():
				c.Close()
			}
		}()
	}
}

func (a *arrival) admit(c net.Conn) (caller, error) {
	c.SetDeadline(time.Now().Add(helloTime))
	hello := make([]byte, helloBytes)
	if _, err := io.ReadFull(c, hello); err != nil {
		return caller{}, err
	}
	who := hello[len(helloMark):]
	rank, to := int(who[0])|int(who[1])<<8|int(who[2])<<16, int(who[3])|int(who[4])<<8
	if string(hello[:len(helloMark)]) != helloMark || rank <= a.Rank || rank >= a.Size || to != a.Rank&0xffff {
		return caller{}, errStranger
	}
	nonce := []byte(rand.Text()[:nonceBytes])
	if _, err := c.Write(append(nonce, code(a.key, "listens", hello, nonce)...)); err != nil {
		return caller{}, err
	}
	answer := make([]byte, sha256.Size)
	if _, err := io.ReadFull(c, answer); err != nil {
		return caller{}, err
	}
	if !hmac.Equal(answer, code(a.key, "calls", hello, nonce)) {
		return caller{}, errStranger
	}
	return caller{rank, who[5] == 1, c}, nil
}

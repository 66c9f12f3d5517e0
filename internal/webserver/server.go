// Package webserver serves pages safely to browsers: it refuses requests for foreign names, forbids pages to ask other
// machines, bounds connections and ends without cutting off answers.
package webserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Serve answers on l until ctx is done. Then it takes no more requests, and gives those under way the time stop to end.
// At most so many connections are open at a time; more wait. It closes l.
func Serve(ctx context.Context, server *http.Server, l net.Listener, most int, stop time.Duration) error {
	limited := &connections{l, ctx, make(chan struct{}, most)}
	server.ConnState = limited.changed
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(limited) }()
	select {
	case err := <-failed:
		if ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), stop)
	defer cancel()
	err := server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	return err
}

// Guard sets the headers that every answer has, refuses requests for names that the server does not answer to, and those
// that a page elsewhere sends. policy is the Content-Security-Policy for what a page loads.
func Guard(next http.Handler, hosts Hosts, policy string) http.Handler {
	headers := map[string]string{
		"Content-Security-Policy":      "default-src 'none'; " + policy + "; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for key, value := range headers {
			w.Header().Set(key, value)
		}
		if !hosts.mayCall(r) {
			text := fmt.Sprintf("this server does not answer to the name %.100q: start it with -host NAME to allow a name", r.Host)
			http.Error(w, text, http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

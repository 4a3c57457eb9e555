package stack

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/nettest"
)

// TestNettest holds Conn against golang.org/x/net's account of what a net.Conn is, from
// both ends of a connection, over two hosts.
func TestNettest(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		w := newTwo(t)
		s, c := w.pair(t, addr4)
		return s, c, func() { _, _ = s.Close(), c.Close() }, nil
	})
}

// TestHTTP: net/http's server and client, with keep-alive, find all that they need.
func TestHTTP(t *testing.T) {
	w := newTwo(t)
	l, err := w.host.Listen("tcp", "10.0.0.2:80")
	if err != nil {
		t.Fatal(err)
	}
	remotes := make(map[string]int)
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr]++       // requests come one after the other
		body, _ := io.ReadAll(r.Body) // all of it, as the server drops what is left at the first Write
		_, _ = rw.Write(body)
	})}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	tr := &http.Transport{DialContext: w.peer.Dial}
	client := &http.Client{Transport: tr}
	const requests = 20
	for range requests {
		body := strings.Repeat("keep-alive ", 1000)
		resp, err := client.Post("http://10.0.0.2/", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != body {
			t.Fatalf("%d bytes back, %v", len(got), err)
		}
	}
	if len(remotes) != 1 {
		t.Errorf("%d connections for %d requests, want 1: %v", len(remotes), requests, remotes)
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
	tr.CloseIdleConnections()
	waitFor(t, func() bool { return w.host.Flows() == 0 && w.peer.Flows() == 0 },
		func() string { return "connections are left" })
}

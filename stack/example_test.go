package stack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/netip"
	"syscall"

	"lastack/stack"
	"lastack/tun/tuntest"
)

// newHosts is two hosts on one wire, where a program has a TUN:
//
//	dev, err := tun.Open(...)
func newHosts() (server, client *stack.Host) {
	a, b := tuntest.Pair(1500)
	server, err := stack.New(stack.Config{Device: a, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}})
	if err != nil {
		log.Fatal(err)
	}
	client, err = stack.New(stack.Config{Device: b, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}})
	if err != nil {
		log.Fatal(err)
	}
	return server, client
}

// net/http finds a net.Listener at one host, and at the other what connects.
func Example() {
	server, client := newHosts()
	defer func() { _, _ = server.Close(), client.Close() }()

	l, err := server.Listen("tcp", ":80")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintln(w, "hello", r.RemoteAddr[:len("10.0.0.2")])
		}))
	}()
	web := http.Client{Transport: &http.Transport{DialContext: client.Dial, DisableKeepAlives: true}}
	resp, err := web.Get("http://10.0.0.1/")
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(body))
	// Output: hello 10.0.0.2
}

// The only ephemeral port is taken as long as its connection is in TIME_WAIT.
func ExampleHost_Dial() {
	server, client := newHosts()
	defer func() { _, _ = server.Close(), client.Close() }()
	if err := client.Tunables().Set("net.ipv4.ip_local_port_range", "5000 5000"); err != nil {
		log.Fatal(err)
	}
	l, err := server.Listen("tcp", ":80")
	if err != nil {
		log.Fatal(err)
	}
	first, err := client.Dial(context.Background(), "tcp", "10.0.0.1:80")
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	_ = first.Close()
	_, _ = io.ReadAll(accepted)
	_ = accepted.Close()

	_, err = client.Dial(context.Background(), "tcp", "10.0.0.1:80")
	fmt.Println(errors.Is(err, syscall.EADDRNOTAVAIL), err)
	// Output: true dial tcp 10.0.0.1:80: connect: cannot assign requested address
}

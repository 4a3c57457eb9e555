package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childVariable makes this test binary serve instead of test. A limit on
// descriptors holds for a process, so a test of it needs one of its own.
const childVariable = "LASTACK_APP_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := serveWithFewDescriptors(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveWithFewDescriptors runs echo on loopback with room for 32 descriptors. It
// prints its address, its log, and when standard input ends, its counts.
func serveWithFewDescriptors() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 32, Max: 32}); err != nil {
		return err
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a, err := New(Spec{Kind: "echo"}, Config{Log: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	err = a.Serve(ctx, ln)
	fmt.Printf("accepted %d, active %d\n", a.Stats().Accepted, a.Stats().Active)
	return err
}

func TestServeOutlivesARealLackOfDescriptors(t *testing.T) {
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childVariable+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewScanner(stdout)
	if !out.Scan() {
		t.Fatalf("the child said nothing: %v", child.Wait())
	}
	addr := out.Text()

	const total = 64
	var clients []net.Conn
	for range total {
		c, err := net.Dial("tcp4", addr)
		if err != nil {
			t.Fatalf("dial %q: %v", addr, err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(waitLimit)); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	if !out.Scan() || !strings.Contains(out.Text(), "too many open files") {
		t.Fatalf("the child said %q, want that it ran out of descriptors", out.Text())
	}
	// Those accepted still work, and leaving makes room for the others.
	for i, c := range clients {
		exchange(t, c, fmt.Sprintf("client %d", i))
		c.Close()
	}
	stdin.Close()
	last := ""
	for out.Scan() {
		last = out.Text()
	}
	if err := child.Wait(); err != nil {
		t.Errorf("the child: %v, %q", err, last)
	}
	if want := fmt.Sprintf("accepted %d, active 0", total); last != want {
		t.Errorf("the child said %q, want %q", last, want)
	}
}

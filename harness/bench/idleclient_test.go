package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// idleEnv is the number of a process that holds connections for TestIdleLight.
const idleEnv = "LASTACK_BENCH_IDLE"

// burst is how many connections an idleClient has an answer outstanding on.
const burst = 200

// idleClient holds connections of its own, and does with them what its parent says on its
// standard input: a word and a number a line, each answered by a line.
func idleClient(number string) error {
	i, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	if err := moreFiles(); err != nil {
		return err
	}
	var open []socket
	for {
		var what string
		var n int
		if _, err := fmt.Scanln(&what, &n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch what {
		case "open":
			for len(open) < n {
				from := &unix.SockaddrInet4{Addr: clientAddr(i), Port: 1024 + len(open)}
				s, err := connectFrom(from, firstPort)
				if err != nil {
					return fmt.Errorf("connection %d of client %d: %w", len(open)+1, i, err)
				}
				open = append(open, s)
			}
		case "ask":
			if err := askEach(open[:n]); err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
		case "close":
			if err := closeEach(open); err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
		}
		fmt.Println(what)
	}
}

// closeEach ends all connections. It waits for the host's FINs: the kernel gives up sockets that
// nobody has any more, without a word, when there are very many.
func closeEach(open []socket) error {
	for some := range slices.Chunk(open, burst) {
		for _, s := range some {
			if err := s.closeWrite(); err != nil {
				return err
			}
		}
		for _, s := range some {
			if err := errors.Join(s.readEOF(), s.close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// askEach sends a byte over each connection, and wants it back.
func askEach(open []socket) error {
	for some := range slices.Chunk(open, burst) {
		for i, s := range some {
			if err := s.write([]byte{byte(i)}); err != nil {
				return err
			}
		}
		for i, s := range some {
			var b [1]byte
			if err := s.readFull(b[:]); err != nil {
				return err
			}
			if b[0] != byte(i) {
				return fmt.Errorf("byte %d came back for %d", b[0], byte(i))
			}
		}
	}
	return nil
}

// idleClients are processes that hold connections together.
type idleClients struct {
	t   *testing.T
	all []*idleProcess
}

type idleProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startIdle starts so many, which end with the test.
func startIdle(t *testing.T, count int) *idleClients {
	t.Helper()
	c := &idleClients{t: t}
	for i := range count {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", os.Args[1:]...)
		cmd.Env = append(os.Environ(), idleEnv+"="+strconv.Itoa(i))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c.all = append(c.all, &idleProcess{cmd, in, bufio.NewReader(out)})
	}
	t.Cleanup(func() {
		for _, p := range c.all {
			_ = p.in.Close()
			_ = p.cmd.Wait()
		}
	})
	return c
}

// do has each of them do something with n of its connections, all at the same time.
func (c *idleClients) do(what string, n int) {
	c.t.Helper()
	for _, p := range c.all {
		if _, err := fmt.Fprintln(p.in, what, n); err != nil {
			c.t.Fatal(err)
		}
	}
	for i, p := range c.all {
		if line, err := p.out.ReadString('\n'); err != nil {
			c.t.Fatalf("client %d, %s %d: it said %q and no more: %v", i, what, n, line, err)
		}
	}
}

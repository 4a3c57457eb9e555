package proxy_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary is a proxy, too: "BINARY middle MODE".
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "middle" {
		if err := serve(mode(os.Args[2])); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// mode is what is wrong with a proxy.
type mode string

const (
	correct    mode = "correct"
	closesBoth mode = "half-close becomes close"
	finForRST  mode = "RST becomes FIN"
	leaks      mode = "leaks sockets"
	forgets    mode = "never closes descriptors"
	daemon     mode = "serves in the background"
	hoards     mode = "unbounded buffer"
	impatient  mode = "cuts idle"
	ready      mode = "has a connection ready"
	// The rest do not get as far as to be a proxy.
	dies      mode = "dies"
	elsewhere mode = "listens elsewhere"
	silent    mode = "never listens"
	swallows  mode = "connects to nobody"
	once      mode = "serves once"
	// fragile dies of the first RST of a client's.
	fragile mode = "is fragile"
)

func serve(m mode) error {
	at := net.JoinHostPort(os.Getenv("LISTEN_HOST"), os.Getenv("LISTEN_PORT"))
	fmt.Println("a proxy that " + m)
	switch m {
	case daemon:
		self, err := os.Executable()
		if err != nil {
			return err
		}
		c := exec.Command(self, "middle", string(correct))
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return c.Start()
	case dies:
		return fmt.Errorf("bad \x1b[31mconfiguration")
	case elsewhere:
		at = "127.0.0.1:9999"
	case silent:
		select {}
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if m == once {
			m.relay(c.(*net.TCPConn))
			return nil
		}
		go m.relay(c.(*net.TCPConn))
	}
}

// kept are sockets that are never closed.
var (
	keep sync.Mutex
	kept []io.Closer
)

func (m mode) relay(client *net.TCPConn) {
	if m == swallows {
		return
	}
	to, answer := net.JoinHostPort(os.Getenv("SERVER_HOST"), os.Getenv("SERVER_PORT")), func(err error) error { return err }
	if m == socks || m == connect {
		var err error
		if to, answer, err = m.asked(client); err != nil {
			_ = client.Close()
			return
		}
	}
	if m == ready {
		if d, err := net.DialTimeout("tcp", to, 10*time.Second); err == nil {
			keep.Lock()
			for _, old := range kept {
				_ = old.Close()
			}
			kept = []io.Closer{d}
			keep.Unlock()
			time.Sleep(10 * time.Millisecond) // the server has it before the other
		}
	}
	c, err := net.DialTimeout("tcp", to, 10*time.Second)
	if answered := answer(err); err != nil {
		if answered == nil {
			_ = client.Close() // it knows
		}
		_ = client.SetLinger(0)
		_ = client.Close()
		return
	}
	server := c.(*net.TCPConn)
	if m == leaks {
		if d, err := net.Dial("tcp", server.RemoteAddr().String()); err == nil {
			keep.Lock()
			kept = append(kept, d)
			keep.Unlock()
		}
	}
	failed := make(chan error, 2)
	go func() { failed <- m.copy(server, client) }()
	go func() { failed <- m.copy(client, server) }()
	for range 2 {
		if err := <-failed; err != nil {
			if m == fragile {
				os.Exit(1)
			}
			if m != finForRST {
				_ = client.SetLinger(0)
				_ = server.SetLinger(0)
				_ = client.Close()
				_ = server.Close()
			}
			break
		}
		if m == closesBoth {
			break
		}
	}
	if m == forgets {
		keep.Lock()
		defer keep.Unlock()
		kept = append(kept, client, server)
		return
	}
	_ = client.Close()
	_ = server.Close()
}

// copy passes on one direction and its end.
func (m mode) copy(to, from *net.TCPConn) error {
	src := io.Reader(from)
	if m == hoards {
		src = hoard(from)
	}
	if m == impatient {
		src = deadline{from}
	}
	if _, err := io.Copy(struct{ io.Writer }{to}, src); err != nil {
		return err
	}
	return to.CloseWrite()
}

// deadline gives up a connection that is quiet.
type deadline struct{ c *net.TCPConn }

func (d deadline) Read(p []byte) (int, error) {
	_ = d.c.SetReadDeadline(time.Now().Add(700 * time.Millisecond))
	return d.c.Read(p)
}

// hoard reads as much as comes, and keeps it: its channel has room for more pieces than
// [unbounded] has segments, and is itself small beside that.
func hoard(from io.Reader) io.Reader {
	pieces := make(chan []byte, 1<<15)
	r, w := io.Pipe()
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			pieces <- slices.Clone(buf[:n])
			if err != nil {
				if err != io.EOF {
					_ = w.CloseWithError(err)
				}
				close(pieces)
				return
			}
		}
	}()
	go func() {
		for p := range pieces {
			if _, err := w.Write(p); err != nil {
				return
			}
		}
		_ = w.Close()
	}()
	return r
}

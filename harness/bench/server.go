package bench

import (
	"io"
	"net"

	"lastack/harness/lab/wire"
)

// kind is what a server does with a connection.
type kind int

const (
	// closesFirst answers a request with the same bytes and closes.
	closesFirst kind = iota
	// echoes until EOF, and closes.
	echoes
	// discards until EOF, and closes.
	discards
	// sends until the client closes.
	sends
)

const (
	request   = 64
	firstPort = 7000
	// ports of the server: so many that none of the client's ports comes back to one
	// of them while its TIME_WAIT lasts.
	ports = 16
)

// start starts servers of the kind on all ports, but for a subject that serves by
// itself. They end with the process.
func start(w *wire.Wire, k kind) error {
	if w.Far == nil {
		return nil
	}
	for port := range ports {
		l, err := w.Far.Listen(uint16(firstPort + port))
		if err != nil {
			return err
		}
		go accept(l, k)
	}
	return nil
}

func accept(l net.Listener, k kind) {
	handle := map[kind]func(net.Conn){closesFirst: answer, echoes: repeat, discards: discard, sends: send}[k]
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go handle(c)
	}
}

// The client reports why a connection broke off.

func answer(c net.Conn) {
	b := make([]byte, request)
	if _, err := io.ReadFull(c, b); err == nil {
		_, _ = c.Write(b)
	}
	_ = c.Close()
}

func repeat(c net.Conn) {
	b := make([]byte, request)
	for {
		n, err := c.Read(b)
		if n > 0 {
			if _, err := c.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = c.Close()
}

// block is what bulk is read and written in.
const block = 128 << 10

func discard(c net.Conn) {
	b := make([]byte, block)
	for {
		if _, err := c.Read(b); err != nil {
			break
		}
	}
	_ = c.Close()
}

func send(c net.Conn) {
	b := make([]byte, block)
	for {
		if _, err := c.Write(b); err != nil {
			break
		}
	}
	_ = c.Close()
}

package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"lastack/harness/lab/middle"
)

// RefusedError is what a proxy answered instead of a connection to the server.
type RefusedError struct{ Answer string }

func (e *RefusedError) Error() string { return "the proxy answered: " + e.Answer }

// ask asks a proxy for the server, and returns when it says that it is connected.
func (s Speak) ask(c net.Conn, within time.Duration) error {
	if s == Plain {
		return nil
	}
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if err := s.request(c); err != nil {
		return err
	}
	err := s.answer(c)
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	return err
}

// request writes what asks for the server. Of SOCKS5 both messages go at once: the
// answer to the first is known (RFC 1928 3, method 0).
func (s Speak) request(c net.Conn) error {
	var b []byte
	switch s {
	case SOCKS5:
		ip := middle.ServerAt.Addr().As4()
		b = append([]byte{5, 1, 0, 5, 1, 0, 1}, ip[:]...)
		b = append(b, byte(middle.ServerAt.Port()>>8), byte(middle.ServerAt.Port()))
		// Some proxies read the greeting alone, and drop what came with it.
		if _, err := c.Write(b[:3]); err != nil {
			return err
		}
		var method [2]byte
		if _, err := io.ReadFull(c, method[:]); err != nil {
			return fmt.Errorf("reading the proxy's choice of SOCKS5 method: %w", err)
		}
		if method != [2]byte{5, 0} {
			return &RefusedError{fmt.Sprintf("SOCKS5 method %d, version %d; it wants authentication, or is no SOCKS5 proxy", method[1], method[0])}
		}
		b = b[3:]
	case Connect:
		b = fmt.Appendf(nil, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", middle.ServerAt, middle.ServerAt)
	}
	_, err := c.Write(b)
	return err
}

// answer reads what the proxy says to the request, and not a byte more.
func (s Speak) answer(r io.Reader) error {
	if s == Connect {
		return connectAnswer(r)
	}
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("reading the proxy's SOCKS5 answer: %w", err)
	}
	size := map[byte]int{1: 4, 4: 16}[head[3]]
	if head[3] == 3 { // a name, behind its length
		var n [1]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return fmt.Errorf("reading the proxy's SOCKS5 answer: %w", err)
		}
		size = int(n[0])
	}
	if _, err := io.CopyN(io.Discard, r, int64(size)+2); err != nil {
		return fmt.Errorf("reading the proxy's SOCKS5 answer: %w", err)
	}
	if head[0] != 5 || head[1] != 0 {
		return &RefusedError{fmt.Sprintf("SOCKS5 reply %d%s", head[1], socksReplies[head[1]])}
	}
	return nil
}

// socksReplies are those of RFC 1928 6.
var socksReplies = map[byte]string{
	1: " (general failure)", 2: " (not allowed)", 3: " (network unreachable)", 4: " (host unreachable)",
	5: " (connection refused)", 6: " (TTL expired)", 7: " (command not supported)", 8: " (address type not supported)",
}

// maxHeader bounds what a proxy may say before the connection.
const maxHeader = 16 << 10

func connectAnswer(r io.Reader) error {
	// One byte at a time, as what comes behind the header is the server's.
	header := bufio.NewReaderSize(oneByte{io.LimitReader(r, maxHeader)}, 16)
	resp, err := http.ReadResponse(header, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("reading the proxy's answer to CONNECT: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return &RefusedError{"HTTP " + resp.Status}
	}
	return nil
}

// oneByte never reads ahead.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

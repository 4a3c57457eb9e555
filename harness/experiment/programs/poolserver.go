package programs

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// thinking is how long the server takes for each answer.
const thinking = 10 * time.Millisecond

// server is Go's on a port of the subject.
type server struct {
	http  http.Server
	addr  string
	port  uint16
	count atomic.Int64
	over  chan error
}

// serve starts a server that closes a connection that nobody has used for that long;
// 0 is never.
func (p *pools) serve(idle time.Duration) (*server, error) {
	p.mu.Lock()
	p.port++
	s := &server{port: p.port, over: make(chan error, 1)}
	p.mu.Unlock()
	s.addr = net.JoinHostPort(p.far.Addr().String(), strconv.Itoa(int(s.port)))
	s.http.IdleTimeout = idle
	if idle == 0 {
		s.http.IdleTimeout = -1 // never, whatever the other timeouts
	}
	s.http.Handler = http.HandlerFunc(answer)
	s.http.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.count.Add(1)
		}
	}
	l, err := p.far.Listen(s.port)
	if err != nil {
		return nil, err
	}
	go func() { s.over <- s.http.Serve(l) }()
	return s, nil
}

func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // a client that is gone gets no answer
	if pause(r.Context(), thinking) == nil {
		_, _ = io.WriteString(w, "done\n")
	}
}

func (s *server) url() string { return "http://" + s.addr + "/" }

// accepted counts the connections so far.
func (s *server) accepted() int { return int(s.count.Load()) }

func (s *server) close() error {
	err := s.http.Close()
	if over := <-s.over; !errors.Is(over, http.ErrServerClosed) {
		err = errors.Join(err, over)
	}
	return err
}

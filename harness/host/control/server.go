package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"lastack/stack/tunable"
)

const (
	// clientTimeout bounds how long a client may take over one request or
	// answer; all of them are small.
	clientTimeout = 10 * time.Second
	// idlePatience bounds how long a connection may wait for the next request.
	idlePatience = time.Minute
	// endGrace is how long requests that have begun may take when the server ends.
	endGrace = time.Second
)

// Config says what the API shows. Tunables and Info are required.
type Config struct {
	// Tunables are read and written. The set stays shared with the host.
	Tunables *tunable.Set
	// Info describes the host. It is called for each GET /v1/host, several at
	// once if there are several clients.
	Info func() HostInfo
	// Sockets are the host's. Nil leaves /v1/sockets out.
	Sockets SocketSource
	// Log takes net/http's complaints about connections. Nil discards them.
	Log *log.Logger
}

// Server is an open control socket. Make it with Listen; end it by ending
// Serve's context, or with Close.
type Server struct {
	path string
	ln   *net.UnixListener
	file fs.FileInfo
	http *http.Server

	end    sync.Once
	endErr error
}

// Listen makes the socket file, with mode 0600 from the first moment on, and
// listens. Clients may connect from now on; nothing of what they send is read before
// Serve, so that privileges which the file needs can be given up in between.
//
// A socket file that a dead process left behind is replaced. If somebody
// answers on it, the error wraps ErrInUse; if the path is something else than a
// socket, fs.ErrExist; if its directory is missing, fs.ErrNotExist.
func Listen(path string) (*Server, error) {
	ln, file, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("control: listen on %q: %w", path, err)
	}
	return &Server{path: path, ln: ln, file: file, http: &http.Server{
		ReadTimeout:    clientTimeout,
		WriteTimeout:   clientTimeout,
		IdleTimeout:    idlePatience,
		MaxHeaderBytes: 16 << 10,
	}}, nil
}

// Path is the socket's, as it was given to Listen.
func (s *Server) Path() string { return s.path }

// Serve answers requests until ctx ends or Close is called, and returns nil
// then. Requests that have begun are answered first, for up to a second. When
// Serve returns the socket file is gone and every connection is closed. It is
// called once. The error wraps fs.ErrPermission if only the file could not be removed,
// which the next Listen replaces.
func (s *Server) Serve(ctx context.Context, c Config) error {
	if c.Tunables == nil || c.Info == nil {
		return errors.Join(errors.New("control: Config.Tunables and Config.Info are required"), s.Close())
	}
	if c.Log == nil {
		c.Log = log.New(io.Discard, "", 0)
	}
	s.http.Handler, s.http.ErrorLog = handler(c), c.Log
	done := make(chan error, 1)
	go func() { done <- s.http.Serve(s.ln) }()
	select {
	case err := <-done:
		if errors.Is(err, http.ErrServerClosed) {
			return s.finish(context.Background())
		}
		return fmt.Errorf("control: serve %q: %w", s.path, errors.Join(err, s.finish(ctx)))
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancel()
	err := s.finish(grace)
	<-done
	return err
}

// Close ends the server at once, whether Serve runs or never did, and removes the
// socket file unless somebody replaced it. Later calls return what the first did.
func (s *Server) Close() error {
	atOnce, cancel := context.WithCancel(context.Background())
	cancel()
	return s.finish(atOnce)
}

// finish removes the name first, so that nobody finds a socket without an answer.
func (s *Server) finish(grace context.Context) error {
	s.end.Do(func() {
		if err := remove(s.path, s.file); err != nil {
			s.endErr = fmt.Errorf("control: remove the socket %q: %w; remove it by hand, or let the next host replace it", s.path, err)
		}
		if s.http.Shutdown(grace) != nil {
			s.http.Close() // its error is that of closing sockets, of no use to anybody
		}
		s.ln.Close() // where Serve never ran; otherwise it is closed already
	})
	return s.endErr
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"lastack/harness/host/trace"
	"lastack/harness/host/web"
	"lastack/harness/lab"

	"golang.org/x/net/netutil"
)

// Web is a page about the host, for a browser (package web).
type Web struct {
	// Listener is where it is served. Run closes it.
	Listener net.Listener
	// Host is the name or address that was asked for, and Token what the URL has; empty
	// is drawn at random.
	Host, Token string
	// Lessons and Run are web.Config's.
	Lessons []web.Lesson
	Run     func(ctx context.Context, l *web.Lesson) ([]web.Outcome, error)

	board *web.Board
}

// Bounds of the page's server.
const (
	maxWebConns   = 128
	headerTimeout = 10 * time.Second
	idleTimeout   = time.Minute
	bodyTimeout   = 30 * time.Second
)

// URL is what to open in a browser.
func (w *Web) URL() string {
	addr := w.Listener.Addr().String()
	if _, port, err := net.SplitHostPort(addr); err == nil && w.Host != "" {
		addr = net.JoinHostPort(w.Host, port)
	}
	return "http://" + addr + "/?token=" + w.Token
}

// newWeb prepares the page, if there is to be one: the recorder has to keep packets for it.
func newWeb(cfg *Config) {
	if w := cfg.Web; w != nil {
		w.board = web.NewBoard()
		if w.Token == "" {
			w.Token = web.NewToken()
		}
	}
}

// finTimer is the timer of the FIN of a connection.
func (s *server) finTimer(local, remote netip.AddrPort) (left, whole time.Duration, runs bool) {
	t, runs := s.host.FINTimer(local, remote)
	return t.Left, t.Whole, runs
}

// startWeb serves the page until ctx ends.
func (s *server) startWeb(ctx context.Context) error {
	w := s.cfg.Web
	if w == nil {
		return nil
	}
	h, err := web.Handler(web.Config{
		Token: w.Token, Host: w.Host, Board: w.board, Control: s.controlConfig(),
		Addrs: s.cfg.HostAddrs, Apps: s.cfg.Apps, FINTimer: s.finTimer, Kernel: kernelSockets, Lessons: w.Lessons, Run: w.Run,
	})
	if err != nil {
		return invalid("%w", err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	s.workers.Go(func() {
		<-ctx.Done()
		srv.Close() // its error is that of closing sockets
	})
	s.workers.Go(func() {
		if err := srv.Serve(netutil.LimitListener(w.Listener, maxWebConns)); !errors.Is(err, http.ErrServerClosed) {
			s.cancel(fmt.Errorf("the page's server: %w", err))
		}
	})
	return nil
}

// kernelSockets are those of both families in this namespace.
func kernelSockets() ([]lab.Socket, error) {
	four, err := lab.Sockets(syscall.AF_INET)
	six, err6 := lab.Sockets(syscall.AF_INET6)
	return append(four, six...), errors.Join(err, err6)
}

// show gives a segment to the page.
func (s *server) show(i *trace.Item) {
	if s.cfg.Web != nil {
		s.cfg.Web.board.Add(i)
	}
}

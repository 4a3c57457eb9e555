package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"lastack/harness/term"
)

// newHTTP is the kind http: net/http, with its own ideas of when to close. It
// keeps connections alive (RFC 9112 9.3), closes first after a response when the
// request said Connection: close or spoke HTTP/1.0, and closes at once when a
// client closes an idle connection. It has no timeouts.
//
// All connections share one http.Server. Each is handed to it as a listener of
// its own that yields that one connection, so that connections are accepted,
// counted and stopped here like those of every other kind.
func newHTTP(_ *options, cfg Config) handler {
	srv := &http.Server{
		Handler:     routes(cfg),
		ErrorLog:    slog.NewLogLogger(cfg.Log.Handler(), slog.LevelError),
		BaseContext: func(ln net.Listener) context.Context { return ln.(*oneConn).ctx },
		ConnState: func(nc net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(nc.(*httpConn).closed)
			}
		},
	}
	return func(ctx context.Context, c *conn) error {
		hc := &httpConn{conn: c, closed: make(chan struct{})}
		ln := &oneConn{ctx: ctx, closed: hc.closed, next: hc}
		// Serve's error is the one that oneConn ends it with.
		_ = srv.Serve(ln)
		return nil
	}
}

// httpConn is a connection in the hands of net/http.
type httpConn struct {
	*conn
	closed chan struct{} // closed once net/http has closed the connection
}

// CloseWrite sends the FIN and keeps reading, which net/http does after a request
// it could not read, lest a RST overtake its answer.
func (c *httpConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return http.ErrNotSupported
	}
	return half.CloseWrite()
}

// oneConn is a listener that yields one connection and is closed when that is. It
// is accepted from by one goroutine only.
type oneConn struct {
	ctx    context.Context
	closed <-chan struct{}
	next   *httpConn
}

// Accept returns the connection the first time; the second time it waits until
// the connection is closed.
func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.next; c != nil {
		l.next = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

// Close does nothing: the connection is net/http's to close.
func (l *oneConn) Close() error { return nil }

// Addr has no reader; net.Listener asks for it.
func (l *oneConn) Addr() net.Addr { return nil }

// routes are the pages. GET includes HEAD; other methods are answered with 405.
func routes(cfg Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", serveIndex)
	mux.HandleFunc("GET /bytes/{n}", serveBytes)
	mux.HandleFunc("GET /delay/{d}", func(w http.ResponseWriter, r *http.Request) { serveDelay(w, r, cfg) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("no page %s; there are /, /bytes/N and /delay/D", term.Excerpt(r.URL.Path)), http.StatusNotFound)
	})
	return mux
}

func serveIndex(w http.ResponseWriter, _ *http.Request) {
	writeText(w, fmt.Sprintf(`lastack http

/          this page
/bytes/N   N bytes, from 0 to %d
/delay/D   an answer after D: 300 (milliseconds), 300ms, 1.5s; at most %v
`, int64(maxBytes), maxDelay))
}

func serveBytes(w http.ResponseWriter, r *http.Request) {
	n, err := parseBytes(r.PathValue("n"))
	if err != nil {
		http.Error(w, fmt.Sprintf("/bytes/N: %v", err), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	if r.Method == http.MethodHead {
		return
	}
	// A failure is the client's leaving, which net/http finds out by itself.
	_, _ = io.Copy(w, Content(n))
}

// serveDelay answers after a delay, unless the client goes first. net/http sees
// only that the client's stream ended: one that half-closes after its request
// counts as gone too.
func serveDelay(w http.ResponseWriter, r *http.Request, cfg Config) {
	d, err := parseDelay(r.PathValue("d"))
	if err != nil {
		http.Error(w, fmt.Sprintf("/delay/D: %v", err), http.StatusBadRequest)
		return
	}
	if d > 0 {
		select {
		case <-cfg.After(d):
		case <-r.Context().Done():
			// net/http's way to close without an answer. An answer would be
			// data after the client's close, and draw a RST.
			panic(http.ErrAbortHandler)
		}
	}
	writeText(w, fmt.Sprintf("waited %v\n", d))
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = io.WriteString(w, text)
}

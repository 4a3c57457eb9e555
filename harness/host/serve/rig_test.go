package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/host/control"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// served is a Run in this lab, with a packet socket beside it.
type served struct {
	t       *testing.T
	out     *lines
	control *control.Client
	live    *capture.Live
	cancel  context.CancelFunc
	done    chan error
}

// lines collects what was written, line by line.
type lines struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func newLines() *lines { return &lines{more: make(chan struct{}, 1)} }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.buf.Write(b)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.buf.String(), "\n"), "\n")
}

// wait waits until the lines satisfy done.
func (l *lines) wait(t *testing.T, what string, done func([]string) bool) {
	t.Helper()
	give := time.NewTimer(20 * time.Second)
	defer give.Stop()
	for !done(l.all()) {
		select {
		case <-l.more:
		case <-give.C:
			t.Fatalf("no %s in:\n%s", what, strings.Join(l.all(), "\n"))
		}
	}
}

// start serves with the config in the current lab and returns when it is ready.
func start(t *testing.T, cfg Config) *served {
	t.Helper()
	s := &served{t: t, out: newLines(), done: make(chan error, 1)}
	log := newLines()
	cfg.TUN, cfg.Out, cfg.Log, cfg.JSON = "lastack0", s.out, log, true
	cfg.Control = filepath.Join(t.TempDir(), "c")
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	go func() { s.done <- Run(ctx, cfg) }()
	ready := make(chan struct{})
	go func() {
		log.wait(t, "ready line", func(l []string) bool {
			return strings.HasPrefix(l[len(l)-1], "ready")
		})
		close(ready)
	}()
	select {
	case <-ready:
	case err := <-s.done:
		t.Fatalf("serve ended at once: %v", err)
	}
	s.control = control.NewClient(cfg.Control)
	var err error
	if s.live, err = capture.OpenLive("lastack0", capture.LiveConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cancel()
		if err := <-s.done; err != nil {
			t.Errorf("serve ended with %v", err)
		}
		if _, err := net.InterfaceByName("lastack0"); err == nil {
			t.Error("the TUN is still there")
		}
		if _, err := os.Stat(cfg.Control); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the control socket is still there: %v", err)
		}
	})
	return s
}

// set changes a tunable through the control API.
func (s *served) set(name, value string) {
	s.t.Helper()
	if _, err := s.control.Set(s.t.Context(), name, value); err != nil {
		s.t.Fatal(err)
	}
}

// reports waits until n connections have closed, and returns them all.
func (s *served) reports(n int) []teardown.Report {
	s.t.Helper()
	var all []teardown.Report
	s.out.wait(s.t, fmt.Sprintf("%d closes", n), func(l []string) bool {
		all = nil
		for _, line := range l {
			var r teardown.Report
			if json.Unmarshal([]byte(line), &r) == nil && r.Client != "" {
				all = append(all, r)
			}
		}
		return len(all) >= n
	})
	return all
}

// captured ends the packet socket's capture and returns what it saw of each
// connection to the port, as teardown sees it.
func (s *served) captured(port uint16) []teardown.Report {
	s.t.Helper()
	if err := s.live.Stop(); err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = s.live.Close() }()
	var reports []teardown.Report
	table := teardown.NewTable(teardown.Config{Keep: -1, OnForget: func(c *teardown.Conn) {
		if c.Server().Port() == port {
			reports = append(reports, c.Report())
		}
	}})
	for {
		p, err := s.live.Next()
		if err != nil {
			break
		}
		if seg, err := segment.Parse(p.Data); err == nil {
			table.Add(&teardown.Record{Time: p.Time, Seg: seg})
		}
	}
	table.Flush()
	return reports
}

// closing lists the segments of a close.
func closing(r *teardown.Report) string {
	var out []string
	for _, l := range r.Segments {
		out = append(out, string(l.From)+" "+l.Flags)
	}
	return strings.Join(out, ", ")
}

package explain_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/experiment"
	"lastack/harness/explain"
	"lastack/harness/lab/labtest"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// label is what is known of the connections of an experiment without looking at
// the capture: what the applications were told to do, on the kernel's own stack,
// and what inet_diag showed of the sockets afterwards, which the experiment checks.
type label struct {
	close    teardown.Kind
	active   teardown.Who
	timeWait teardown.Who
	half     uint64 // bytes after the first FIN
	cause    teardown.ResetCause
	reuse    teardown.ReuseBy // of the last connection
	n        int              // connections, 0 means 1
}

// labels are of experiments that bring about every kind of close but refused,
// which has no socket.
var labels = map[string]label{
	"three-way":                  {close: "three-way", active: "client", timeWait: "client"},
	"fin-with-data":              {close: "three-way", active: "client", timeWait: "client"},
	"server-first":               {close: "three-way", active: "server", timeWait: "server"},
	"four-way-slow-closer":       {close: "four-way", active: "client", timeWait: "client"},
	"half-close-data":            {close: "four-way", active: "client", timeWait: "client", half: 1000},
	"half-close-late-data":       {close: "four-way", active: "client", timeWait: "client", half: 1000},
	"fin-before-data":            {close: "four-way", active: "client", timeWait: "client", half: 100},
	"simultaneous":               {close: "simultaneous", active: "both", timeWait: "both"},
	"close-wait-leak":            {close: "half-closed", active: "client", timeWait: "none"},
	"shut-read":                  {close: "open", active: "none", timeWait: "none"},
	"linger-0":                   {close: "reset", active: "none", timeWait: "none", cause: teardown.ResetAbortUnread},
	"linger-0-client":            {close: "reset", active: "none", timeWait: "none", cause: teardown.ResetAbortUnread},
	"linger-0-close-wait":        {close: "reset", active: "server", timeWait: "none", cause: teardown.ResetAbortUnread},
	"unread-data":                {close: "reset", active: "none", timeWait: "none", cause: teardown.ResetAbortUnread},
	"unread-data-client":         {close: "reset", active: "none", timeWait: "none", cause: teardown.ResetAbortUnread},
	"data-after-close":           {close: "reset", active: "client", timeWait: "none", cause: teardown.ResetClosed, half: 1000},
	"fin-after-fin-wait-2":       {close: "reset", active: "client", timeWait: "none", cause: teardown.ResetForgotten},
	"last-ack-lost":              {close: "three-way", active: "client", timeWait: "client"},
	"last-ack-lost-server-first": {close: "three-way", active: "server", timeWait: "server"},
	"last-ack-never":             {close: "three-way", active: "client", timeWait: "client"},
	"fin-lost":                   {close: "three-way", active: "client", timeWait: "client"},
	"fin-ack-lost":               {close: "four-way", active: "client", timeWait: "client"},
	"time-wait-rst":              {close: "three-way", active: "server", timeWait: "none", cause: teardown.ResetAssassination},
	"time-wait-syn-timestamp":    {close: "three-way", active: "server", timeWait: "server", reuse: teardown.ReuseByTimestamp, n: 2},
	"time-wait-syn-isn":          {close: "three-way", active: "server", timeWait: "server", reuse: teardown.ReuseByISN, n: 2},
	"time-wait-reuse-syn":        {close: "three-way", active: "server", timeWait: "server", reuse: teardown.ReuseByTimestamp, n: 2},
}

// TestKernel: of captures that a packet socket made of the kernel's stack, every
// verdict is what is known.
func TestKernel(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	var names []string
	for name := range labels {
		names = append(names, name)
	}
	all, err := experiment.Select(names)
	if err != nil {
		t.Fatal(err)
	}
	lost, err := experiment.Parse("unanswered.yaml", []byte(unanswered))
	if err != nil {
		t.Fatal(err)
	}
	results, err := experiment.Run(t.Context(), append(all, lost), experiment.Config{
		Subjects: []string{experiment.Kernel}, Keep: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, r := range results {
		want, ok := labels[r.Experiment]
		if !ok {
			want = label{close: "unanswered", active: "client", timeWait: "none"}
		}
		if r.Verdict != experiment.Pass {
			// The machine was too busy for the close to be what it is called:
			// nothing is known.
			t.Logf("%s: %s: %s", r.Experiment, r.Verdict, r.Why)
			continue
		}
		judged++
		t.Run(r.Experiment, func(t *testing.T) { judge(t, r.Capture, want) })
	}
	if judged < len(results)*3/4 {
		t.Errorf("only %d of %d captures are of what they are called", judged, len(results))
	}
}

// TestKernelRefused: a connection to a port where nothing listens.
func TestKernelRefused(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	live, err := capture.OpenLive("lo", capture.LiveConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	if _, err := net.Dial("tcp", "127.0.0.1:9"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dialling a port where nothing listens: %v", err)
	}
	if err := live.Stop(); err != nil {
		t.Fatal(err)
	}
	a := explain.New(explain.Options{})
	if err := a.ReadAll(live); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Groups) != 1 || sum.Groups[0].Close != teardown.Refused || sum.Groups[0].Server != "127.0.0.1:9" || sum.Connections != 1 {
		t.Errorf("%+v", sum)
	}
}

// unanswered is the kind that no built-in experiment is about.
const unanswered = `
name: unanswered
question: What does the active closer do when nothing acknowledges its FIN?
shows: It sends the FIN again.
impair: [drop ACKs of a FIN from host]
server: {app: leaker}
client:
  steps: [connect, send 100, half-close, wait 700ms]
expect:
  close: unanswered
  states: {client: FIN_WAIT_1, server: CLOSE_WAIT}
`

// judge explains one capture.
func judge(t *testing.T, path string, want label) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := capture.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := capture.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var all []*explain.Connection
	a := explain.New(explain.Options{Each: func(c *explain.Connection) error {
		all = append(all, c)
		return nil
	}})
	if err := a.ReadAll(&packetList{packets}); err != nil {
		t.Fatal(err)
	}
	again := 0
	if _, err := a.Summary(); err != nil {
		t.Fatal(err)
	}
	if len(all) != max(want.n, 1) {
		t.Fatalf("%d connections, want %d", len(all), max(want.n, 1))
	}
	for i, c := range all {
		again += c.FINRetransmissions
		if c.Close != want.close || c.ActiveCloser != want.active || c.TimeWait != want.timeWait ||
			c.HalfCloseBytes != want.half || c.ResetCause != want.cause {
			t.Errorf("have %s by %s, TIME_WAIT %s, %d bytes after the FIN, cause %q; want %+v: %s",
				c.Close, c.ActiveCloser, c.TimeWait, c.HalfCloseBytes, c.ResetCause, want, c.Reason)
		}
		if i == len(all)-1 && want.reuse != "" && (c.Reuses == nil || c.Reuses.By != want.reuse || c.Reuses.Outcome != teardown.ReuseAccepted) {
			t.Errorf("reuses %+v, want by %s", c.Reuses, want.reuse)
		}
	}
	if fins := finsAgain(packets); again != fins {
		t.Errorf("%d FINs again, and the capture has %d", again, fins)
	}
}

// finsAgain counts by the flags alone: FINs of one sender and one number after
// the first.
func finsAgain(packets []capture.Packet) (n int) {
	type key struct {
		tuple segment.Tuple
		at    segment.Seq
	}
	seen := map[key]bool{}
	for _, p := range packets {
		s, err := segment.Parse(p.Data)
		if err != nil || !s.Flags.Has(segment.FIN) {
			continue
		}
		k := key{s.Tuple, s.FINSeq()}
		if seen[k] {
			n++
		}
		seen[k] = true
	}
	return n
}

// packetList is a source of packets that are there.
type packetList struct{ packets []capture.Packet }

func (l *packetList) Next() (capture.Packet, error) {
	if len(l.packets) == 0 {
		return capture.Packet{}, io.EOF
	}
	p := l.packets[0]
	l.packets = l.packets[1:]
	return p, nil
}

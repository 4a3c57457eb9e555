package control_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lastack/harness/host/control"
	"lastack/harness/lab/sockstat"
	"lastack/stack"
	"lastack/stack/tunable"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fakeHost has a listener, a connection, and any number in TIME_WAIT.
type fakeHost struct {
	timeWait int
	given    atomic.Int64
}

var server = netip.MustParseAddrPort("192.0.2.1:80")

func (h *fakeHost) EachSocket(f func(*stack.Socket) bool) {
	any6 := netip.MustParseAddrPort("[::]:7")
	mine := netip.MustParseAddr("192.0.2.2")
	give := func(s stack.Socket) bool {
		h.given.Add(1)
		return f(&s)
	}
	if !give(stack.Socket{State: "LISTEN", Local: any6, SendQ: 4096}) ||
		!give(stack.Socket{State: "ESTABLISHED", Local: netip.AddrPortFrom(mine, 32768), Remote: server, RecvQ: 3, Timestamps: true}) {
		return
	}
	for i := range h.timeWait {
		s := stack.Socket{
			State: "TIME_WAIT", Local: netip.AddrPortFrom(mine, uint16(32769+i%28_000)), Remote: server,
			Timer: "timewait", TimerLeft: 59_900 * time.Millisecond,
		}
		if !give(s) {
			return
		}
	}
}

func (h *fakeHost) SocketCounts() stack.SocketCounts {
	return stack.SocketCounts{States: map[string]int{"LISTEN": 1, "ESTABLISHED": 1, "TIME_WAIT": h.timeWait}, IPv4: 1, IPv6: 1}
}

func serveSockets(t *testing.T, h *fakeHost) string {
	t.Helper()
	c := config(tunable.NewSet())
	c.Sockets = h
	return serveConfig(t, c)
}

func list(t *testing.T, socket, state string) []sockstat.Socket {
	t.Helper()
	var all []sockstat.Socket
	err := control.NewClient(socket).Sockets(t.Context(), state, func(s *sockstat.Socket) error {
		all = append(all, *s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSockets(t *testing.T) {
	path := serveSockets(t, &fakeHost{timeWait: 1})
	mine := netip.MustParseAddr("192.0.2.2")
	want := []sockstat.Socket{
		{State: "LISTEN", Local: netip.MustParseAddrPort("[::]:7"), SendQ: 4096},
		{State: "ESTABLISHED", Local: netip.AddrPortFrom(mine, 32768), Remote: server, RecvQ: 3, Timestamps: true},
		{State: "TIME_WAIT", Local: netip.AddrPortFrom(mine, 32769), Remote: server, Timer: "timewait", TimerLeftMS: 59_900},
	}
	for state, some := range map[string][]sockstat.Socket{
		"": want, "time-wait": want[2:], "TIME_WAIT": want[2:], "listening": want[:1], "connected": want[1:], "closing": nil,
	} {
		if diff := cmp.Diff(some, list(t, path, state), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("state %q: %s", state, diff)
		}
	}
	_, body := request(t, path, "GET", "/v1/sockets?state=closing", "")
	if strings.TrimSpace(body) != "[]" {
		t.Errorf("no socket is %q, want an empty array", body)
	}
}

func TestSocketsSummary(t *testing.T) {
	path := serveSockets(t, &fakeHost{timeWait: 600_000})
	got, err := control.NewClient(path).Summary(t.Context())
	want := sockstat.Summary{States: map[string]int{"LISTEN": 1, "ESTABLISHED": 1, "TIME_WAIT": 600_000}, IPv4: 1, IPv6: 1}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestSocketsDestinations(t *testing.T) {
	path := serveSockets(t, &fakeHost{timeWait: 1000})
	got, err := control.NewClient(path).Destinations(t.Context(), 5)
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	d := got[0]
	if d.Remote != server || d.Ports != 28_232 || d.Live != 1 || d.Taken() != 1001 || d.Ages[0] != 1000 || d.HoldMS != 60_000 {
		t.Errorf("%+v", d)
	}
}

func TestSocketsRefusals(t *testing.T) {
	with, without := serveSockets(t, &fakeHost{}), serve(t, tunable.NewSet())
	for _, tt := range []struct {
		socket, method, path string
		status               int
		want                 string
	}{
		{with, "GET", "/v1/sockets?state=nonsense", 422, "nonsense"},
		{with, "GET", "/v1/sockets/destinations?n=0", 422, "1 to 1000"},
		{with, "GET", "/v1/sockets/destinations?n=all", 422, "1 to 1000"},
		{with, "PUT", "/v1/sockets", 405, "use GET"},
		{with, "GET", "/v1/socket", 404, "/v1/sockets/summary"},
		{without, "GET", "/v1/sockets", 404, "no such path; there are /v1/tunables, "},
	} {
		resp, body := request(t, tt.socket, tt.method, tt.path, "")
		var failure struct{ Error string }
		if err := json.Unmarshal([]byte(body), &failure); err != nil || resp.StatusCode != tt.status || !strings.Contains(failure.Error, tt.want) {
			t.Errorf("%s %s: %d %s, want %d and %q", tt.method, tt.path, resp.StatusCode, body, tt.status, tt.want)
		}
	}
}

// TestManySockets: the list is as long as it is, and whoever stops reading stops it.
func TestManySockets(t *testing.T) {
	h := &fakeHost{timeWait: 20_000}
	path := serveSockets(t, h)
	if n := len(list(t, path, "time-wait")); n != h.timeWait {
		t.Errorf("%d sockets, want %d", n, h.timeWait)
	}
	h.given.Store(0)
	enough := errors.New("enough")
	err := control.NewClient(path).Sockets(t.Context(), "", func(*sockstat.Socket) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("%v, want what the function returned", err)
	}
	if n := h.given.Load(); n > int64(h.timeWait)/2 {
		t.Errorf("the host was asked for %d sockets by a client that wanted one", n)
	}
}

func BenchmarkSockets(b *testing.B) {
	h := &fakeHost{timeWait: 600_000}
	c := config(tunable.NewSet())
	c.Sockets = h
	path := serveConfig(b, c)
	client := control.NewClient(path)
	for b.Loop() {
		n := 0
		if err := client.Sockets(b.Context(), "", func(*sockstat.Socket) error { n++; return nil }); err != nil || n != h.timeWait+2 {
			b.Fatal(fmt.Errorf("%d sockets: %w", n, err))
		}
	}
}

func BenchmarkDestinations(b *testing.B) {
	h := &fakeHost{timeWait: 600_000}
	c := config(tunable.NewSet())
	c.Sockets = h
	client := control.NewClient(serveConfig(b, c))
	for b.Loop() {
		if d, err := client.Destinations(b.Context(), 10); err != nil || len(d) != 1 {
			b.Fatal(d, err)
		}
	}
}

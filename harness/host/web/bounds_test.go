package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lastack/harness/app"
)

// TestHead: the beginning of what a program prints is kept, and the program sees no error.
func TestHead(t *testing.T) {
	h := &head{}
	for range 100 {
		if n, err := h.Write([]byte(strings.Repeat("x", 99))); n != 99 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if h.Len() != maxPrinted {
		t.Errorf("%d bytes are kept", h.Len())
	}
}

// TestTally: connections by what is left of their time, ports by the busiest destination.
func TestTally(t *testing.T) {
	ty := tally{TimeWait: TimeWait{LifeMS: 60_000}}
	local := netip.MustParseAddrPort("10.0.0.1:1")
	to := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)
	}
	ty.add(local, to(0), 60*time.Second)
	ty.add(local, to(0), 59*time.Second)
	ty.add(local, to(1), time.Second)
	ty.add(local, to(2), -time.Second) // its timer is about to fire
	got := ty.done()
	if got.Count != 4 || got.Ports != 2 || got.Left[0] != 2 || got.Left[steps-1] != 2 || got.LastMS != 60_000 || len(got.Most) != 4 || got.Most[0].LeftMS != 60_000 {
		t.Errorf("%+v", got)
	}
	for i := range 2 * maxDestinations {
		ty.add(local, to(i), time.Second)
	}
	if len(ty.ports) > maxDestinations || len(ty.Most) > maxRemaining {
		t.Errorf("%d destinations, %d connections are kept", len(ty.ports), len(ty.Most))
	}
}

// TestRequestsAreBounded: past the limit a request is refused with what to do.
func TestRequestsAreBounded(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	h := limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}))
	defer close(leave)
	for range maxRequests {
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		<-entered
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "close other pages") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestActionsAreBounded: past the limit no further client is started.
func TestActionsAreBounded(t *testing.T) {
	s := &site{actions: make(chan struct{}, maxActions)}
	s.Addrs, s.Apps = []netip.Addr{netip.MustParseAddr("10.77.0.2")}, app.Defaults()
	for range maxActions {
		s.actions <- struct{}{}
	}
	r := httptest.NewRequest("POST", "/api/actions/curl", nil)
	r.SetPathValue("id", "curl")
	w := httptest.NewRecorder()
	s.act(w, r)
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "4 clients run already") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestPlaceholders: every action's arguments name the host and the port that are filled in.
func TestPlaceholders(t *testing.T) {
	for _, a := range actions {
		if s := fmt.Sprint(a.argv); !a.flood && (!strings.Contains(s, "HOST") || !strings.Contains(s, "PORT")) {
			t.Errorf("%s: %s", a.id, s)
		}
	}
}

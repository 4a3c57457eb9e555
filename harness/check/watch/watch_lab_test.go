package watch_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/check/watch"
	"lastack/harness/lab/labtest"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// TestWatch: over loopback, where every packet is captured twice, a connection is there as
// soon as it is asked for, once, and what is not asked for is not there.
func TestWatch(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(l.Addr().String())
	w, err := watch.Open(capture.AnyInterface, watch.Config{Match: func(s *segment.Segment) bool {
		return s.Src == segment.EndpointFrom(at) || s.Dst == segment.EndpointFrom(at)
	}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []net.Listener{l, other} {
		c, err := net.DialTimeout("tcp", to.Addr().String(), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		s, err := to.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = s.(*net.TCPConn).SetLinger(0)
		_ = s.Close()
		own := netip.MustParseAddrPort(c.LocalAddr().String())
		r, ok := w.Report(own, netip.MustParseAddrPort(to.Addr().String()))
		if ok != (to == l) {
			t.Errorf("the connection to %s was seen: %v", to.Addr(), ok)
		}
		if ok && (r.Close != teardown.Reset || r.ResetBy != teardown.Server || r.ServerSegments != 2 || r.ClientSegments != 2) {
			t.Errorf("%+v", r)
		}
		_ = c.Close()
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

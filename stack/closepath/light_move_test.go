package closepath

import (
	"testing"
	"time"
)

// TestPromotedWindow: netstack sizes the window that it opens by what comes in a round trip.
// A promoted connection brings the round trip that it has measured: netstack by itself would
// take one from a window that is full already, with the time that data wait in queues.
func TestPromotedWindow(t *testing.T) {
	a := adopt(t, Config{})
	l := a.listenLight()
	peer, err := a.dial(a.peer, "10.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c := a.accept(l).(*Light)
	defer c.Close()
	const rtt = 10 * time.Millisecond
	c.f.mu.Lock()
	c.f.finishing.rtt.measured, c.f.finishing.rtt.srtt = true, rtt
	c.f.mu.Unlock()
	if got := c.whole().RcvAutoParams.RTT; got != rtt {
		t.Errorf("netstack has a round trip of %v, want %v", got, rtt)
	}
}

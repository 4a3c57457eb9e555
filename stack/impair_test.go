package stack

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"

	"lastack/stack/impair"
	"lastack/stack/tunable"
)

// TestCloseOnABadWire: netstack sends again what a rule takes away, so that every
// byte arrives and both sides come to their end, whoever closes first.
func TestCloseOnABadWire(t *testing.T) {
	for _, line := range []string{
		"drop the 1st FIN from host",
		"drop the 1st FIN from peer",
		"drop the first 2 pure ACKs of a FIN from host",
		"drop the first 2 pure ACKs of a FIN from peer",
		"drop the 1st segment with data from either",
		"corrupt the 1st FIN from host",
		"corrupt the 1st FIN from peer",
		"corrupt the 1st segment with data from host",
		"corrupt the 1st segment with data from peer",
		"reorder the 1st segment with data from either",
		"reorder every FIN from either",
		"duplicate every segment with data from either",
		"delay every segment from either by 5 ms",
		"delay every pure ACK of a FIN from host by 300 ms",
	} {
		rule, err := impair.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			families(t, func(t *testing.T, host, _ netip.Addr) {
				for _, hostFirst := range []bool{true, false} {
					closeOver(t, rule, host, hostFirst)
				}
			})
		})
	}
}

func closeOver(t *testing.T, rule impair.Rule, addr netip.Addr, hostFirst bool) {
	t.Helper()
	w := newTwo(t)
	w.converse(t, rule, addr, hostFirst)
	atFirst, atSecond := w.host, w.peer
	if !hostFirst {
		atFirst, atSecond = w.peer, w.host
	}
	waitFor(t, func() bool { return atFirst.TimeWaits() == 1 && atFirst.Flows()+atSecond.Flows() == 0 },
		func() string {
			return fmt.Sprintf("host first %v: %d and %d in TIME_WAIT, %d and %d flows; want 1 and 0, none; the wire saw %v", hostFirst,
				atFirst.TimeWaits(), atSecond.TimeWaits(), atFirst.Flows(), atSecond.Flows(), w.flags())
		})
	if n := atSecond.TimeWaits(); n != 0 {
		t.Errorf("host first %v: the passive side has %d in TIME_WAIT", hostFirst, n)
	}
}

// converse has one side say something and close, then the other.
func (w *two) converse(t *testing.T, rule impair.Rule, addr netip.Addr, hostFirst bool) {
	t.Helper()
	first, second := w.pair(t, addr)
	if !hostFirst {
		first, second = second, first
	}
	if err := w.host.SetImpairments([]impair.Rule{rule}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"one ", "two ", "three"} {
		if _, err := first.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(second); err != nil || string(got) != "one two three" {
		t.Errorf("%q arrived, %v", got, err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(first); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLastACKTwice: the second finds the peer closed, which resets it, and that
// ends TIME_WAIT, as RFC 1337 warns.
func TestLastACKTwice(t *testing.T) {
	rule, err := impair.Parse("duplicate the 1st pure ACK of a FIN from host")
	if err != nil {
		t.Fatal(err)
	}
	for rfc1337, want := range []int{1: 1, 0: 0} {
		w := newTwo(t)
		if err := w.host.Tunables().SetInt(tunable.RFC1337, int64(rfc1337)); err != nil {
			t.Fatal(err)
		}
		w.converse(t, rule, addr4, true)
		waitFor(t, func() bool { return slices.Contains(w.flags(), "RST") && w.host.TimeWaits() == want },
			func() string {
				return fmt.Sprintf("tcp_rfc1337=%d: %d in TIME_WAIT, want %d; the wire saw %v", rfc1337, w.host.TimeWaits(), want, w.flags())
			})
	}
}

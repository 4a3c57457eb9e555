package sockstat

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var linux = Policy{Lo: 32768, Hi: 60999, Life: 60 * time.Second, Reuse: 2, ReuseAfter: time.Second}

// waited is a connection that has been in TIME_WAIT for a time.
func waited(local, remote string, age time.Duration) Socket {
	s := sock("TIME_WAIT", local, remote)
	s.Timer, s.TimerLeftMS = "timewait", (linux.Life - age).Milliseconds()
	return s
}

func TestPorts(t *testing.T) {
	p := NewPorts(linux)
	for _, s := range []Socket{
		sock("LISTEN", "0.0.0.0:40000", ""),
		sock("ESTABLISHED", "10.0.0.1:40000", "10.0.0.2:50000"), // accepted
		sock("ESTABLISHED", "10.0.0.1:22", "10.0.0.2:50000"),    // out of the range
		sock("ESTABLISHED", "10.0.0.1:32768", "10.0.0.2:80"),
		sock("CLOSE_WAIT", "10.0.0.1:60999", "10.0.0.2:80"),
		waited("10.0.0.1:32769", "10.0.0.2:80", 500*time.Millisecond),
		waited("10.0.0.1:32770", "10.0.0.2:80", 59_500*time.Millisecond),
		waited("10.0.0.1:32771", "10.0.0.2:80", 62*time.Second), // the timer is late
		waited("10.0.0.1:32772", "10.0.0.2:80", -time.Second),   // 2MSL was longer
		waited("10.0.0.1:32768", "10.0.0.2:443", 0),
	} {
		p.Add(&s)
	}
	got := p.Busiest(10)
	if len(got) != 2 {
		t.Fatalf("%d destinations, want 2: %+v", len(got), got)
	}
	d := got[0]
	if d.Remote != netip.MustParseAddrPort("10.0.0.2:80") || d.Ports != 28_232 ||
		d.Live != 2 || d.TimeWait != 4 || d.Taken() != 6 || d.Left() != 28_226 {
		t.Errorf("%+v", d)
	}
	if d.Ages[0] != 2 || d.Ages[Steps-1] != 2 {
		t.Errorf("ages %v", d.Ages)
	}
	if one := p.Busiest(1); len(one) != 1 || one[0] != d {
		t.Errorf("the busiest is %+v", one)
	}
}

// TestOrphansInFinWait2: they go by themselves, unless somebody holds them, and
// are not reused.
func TestOrphansInFinWait2(t *testing.T) {
	held := sock("FIN_WAIT_2", "10.0.0.1:40000", "10.0.0.2:80")
	orphan := sock("FIN_WAIT_2", "10.0.0.1:40001", "10.0.0.2:80")
	orphan.Timer, orphan.TimerLeftMS = "timewait", 30_000
	for reuse, live := range []int{1, 2} {
		policy := linux
		policy.Reuse = reuse
		p := NewPorts(policy)
		p.Add(&held)
		p.Add(&orphan)
		if d := p.Busiest(1)[0]; d.Live != live || d.Taken() != 2 || d.TimeWait != 0 {
			t.Errorf("tcp_tw_reuse=%d: %+v", reuse, d)
		}
	}
}

// TestHold: what tcp_tw_reuse lets go after a second is not taken.
func TestHold(t *testing.T) {
	for _, tt := range []struct {
		reuse  int
		remote string
		taken  int
	}{
		{0, "10.0.0.2:80", 2}, {1, "10.0.0.2:80", 1}, {2, "10.0.0.2:80", 2},
		{0, "127.0.0.1:80", 2}, {1, "127.0.0.1:80", 1}, {2, "127.0.0.1:80", 1}, {2, "[::1]:80", 1},
	} {
		policy := linux
		policy.Reuse = tt.reuse
		p := NewPorts(policy)
		for i, age := range []time.Duration{900 * time.Millisecond, 1100 * time.Millisecond} {
			s := waited(fmt.Sprintf("10.0.0.1:%d", 40_000+i), tt.remote, age)
			p.Add(&s)
		}
		d := p.Busiest(1)[0]
		if d.Taken() != tt.taken || d.TimeWait != 2 {
			t.Errorf("tcp_tw_reuse=%d to %s: %d of %d taken, want %d", tt.reuse, tt.remote, d.Taken(), d.TimeWait, tt.taken)
		}
	}
}

func TestRate(t *testing.T) {
	d := Destination{HoldMS: 60_000}
	d.Ages[0], d.Ages[1], d.Ages[4], d.Ages[5] = 100, 50, 50, 7
	for over, want := range map[time.Duration]float64{
		time.Second: 100, 2 * time.Second: 75, 5 * time.Second: 40,
		1500 * time.Millisecond: 75, // whole steps
		time.Hour:               207.0 / 60, 0: 0,
	} {
		if got := d.Rate(over); got != want {
			t.Errorf("over %v: %v a second, want %v", over, got, want)
		}
	}
}

// TestPortsAreBounded: very many destinations take little memory, and every port is counted.
func TestPortsAreBounded(t *testing.T) {
	p := NewPorts(linux)
	const n = MaxDestinations + 1000
	for i := range n {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 80)
		s := Socket{State: "ESTABLISHED", Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: to}
		p.Add(&s)
	}
	if len(p.dests) != MaxDestinations || p.Rest(20) != n-20 {
		t.Errorf("%d destinations and %d ports in the rest, want %d and %d", len(p.dests), p.Rest(20), MaxDestinations, n-20)
	}
}

package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func startTcpdump(t *testing.T, iface string, c TcpdumpConfig) *Tcpdump {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	d, err := StartTcpdump(ctx, iface, c)
	var missing *UnavailableError
	if errors.As(err, &missing) {
		t.Skipf("no independent witness: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// finish stops tcpdump and returns all of its packets.
func finish(t *testing.T, d *Tcpdump, drain Drain) ([]Packet, Counters) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	counters, err := d.Stop(ctx, drain)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.Stop(ctx, drain); err != nil || again != counters {
		t.Errorf("second Stop: %+v, %v; the first: %+v", again, err, counters)
	}
	all, err := ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return all, counters
}

// sameRecord wants two witnesses to have seen the same packets in the same order.
func sameRecord(live, dump []Packet) error {
	if len(live) != len(dump) {
		return fmt.Errorf("the socket has %d packets, tcpdump %d", len(live), len(dump))
	}
	for i := range live {
		a, b := live[i], dump[i]
		if !bytes.Equal(a.Data, b.Data) || a.OrigLen != b.OrigLen {
			return fmt.Errorf("packet %d:\nsocket  % .60x of %d\ntcpdump % .60x of %d", i, a.Data, a.OrigLen, b.Data, b.OrigLen)
		}
		// One stamp serves both where the kernel stamps before it looks for
		// sockets; on loopback it stamps for each, a microsecond apart.
		if d := a.Time.Sub(b.Time).Abs(); d > 100*time.Millisecond {
			return fmt.Errorf("packet %d: socket %v, tcpdump %v", i, a.Time, b.Time)
		}
	}
	return nil
}

// byContent orders packets regardless of when they were seen: two processors
// that receive at once pass the two witnesses in either order.
func byContent(packets []Packet) []Packet {
	slices.SortStableFunc(packets, func(a, b Packet) int { return bytes.Compare(a.Data, b.Data) })
	return packets
}

// The two witnesses share no code and agree on every packet, byte by byte.
func TestTcpdumpAgreesWithLive(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	for _, iface := range []string{wire.left, wire.right} {
		only := TcpdumpConfig{Filter: fmt.Sprintf("udp port %d", probePort)}
		live := openLive(t, iface, LiveConfig{})
		n := room(live, 500)
		dump := startTcpdump(t, iface, only)
		wire.sendN(t, 0, n)
		var recorded []Packet
		for _, p := range stopAndRead(t, live) {
			if number(p) >= 0 {
				recorded = append(recorded, p)
			}
		}
		witnessed, counters := finish(t, dump, Drain{Packets: n})
		if err := sameRecord(recorded, witnessed); err != nil {
			t.Errorf("%s: %v", iface, err)
		}
		if err := checkNumbers(witnessed, n, DirectionUnknown); err != nil {
			t.Errorf("%s: %v", iface, err)
		}
		if want := (Counters{Captured: n, Received: n}); counters != want {
			t.Errorf("%s: %+v, want %+v", iface, counters, want)
		}
	}
}

// The same for a real TCP connection. libpcap hides the outgoing half of
// loopback, and here nobody says how many packets to wait for.
func TestTcpdumpAgreesOnTCP(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	live := openLive(t, "lo", LiveConfig{})
	dump := startTcpdump(t, "lo", TcpdumpConfig{})
	exchange(t, strings.Repeat("a close is a negotiation. ", 4000)) // 104 kB, larger than any segment
	var in []Packet
	for _, p := range stopAndRead(t, live) {
		if p.Direction == Incoming {
			in = append(in, p)
		}
	}
	witnessed, counters := finish(t, dump, Drain{})
	if err := sameRecord(byContent(in), byContent(witnessed)); err != nil {
		t.Error(err)
	}
	if len(in) < 8 || counters.Captured < len(in) {
		t.Errorf("%d packets, %+v", len(in), counters)
	}
}

// Next delivers while tcpdump runs.
func TestTcpdumpDelivers(t *testing.T) {
	if !inNamespace(t, false) {
		return
	}
	wire := newPair(t)
	dump := startTcpdump(t, wire.right, TcpdumpConfig{SnapLen: 14 + 32 + 4, Filter: "udp"})
	wire.send(t, wire.header, udp4(probePort, make([]byte, 100)))
	p, err := dump.Next()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Data) != 36 || p.OrigLen != 128 {
		t.Errorf("%d of %d bytes", len(p.Data), p.OrigLen)
	}
	if err := dump.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dump.Next(); err != io.EOF {
		t.Errorf("Next after Close: %v", err)
	}
	if _, err := dump.Stop(context.Background(), Drain{}); err == nil {
		t.Error("Stop after Close returned counters")
	}
}

// In a user namespace tcpdump, as root there, cannot change its user; some
// builds do not try. Either it works or the error says so.
func TestTcpdumpInUserNamespace(t *testing.T) {
	if !inNamespace(t, true) {
		return
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed (apt install tcpdump)")
	}
	dump, err := StartTcpdump(context.Background(), "lo", TcpdumpConfig{})
	if err == nil {
		dump.Close()
		t.Log("this tcpdump works in a user namespace")
		return
	}
	var missing *UnavailableError
	if !errors.As(err, &missing) || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "user namespace") {
		t.Errorf("error %v, want an *UnavailableError about the user namespace", err)
	}
	// What the caller falls back to works here.
	live := openLive(t, "lo", LiveConfig{})
	exchange(t, "fallback")
	if all := stopAndRead(t, live); len(all) < 16 {
		t.Errorf("the packet socket recorded %d packets of a connection", len(all))
	}
}

func TestTcpdumpNotInstalled(t *testing.T) {
	for _, path := range []string{"no-such-tcpdump", "/no/such/tcpdump"} {
		_, err := StartTcpdump(context.Background(), "lo", TcpdumpConfig{Path: path})
		var missing *UnavailableError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "apt install tcpdump") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := StartTcpdump(context.Background(), "no-such-iface", TcpdumpConfig{}); err == nil {
		t.Error("started on an interface that does not exist")
	}
}

// script writes a program that stands in for tcpdump, for what the real one
// cannot be made to do at will. $pcap is a file of two packets.
func script(t *testing.T, body string) TcpdumpConfig {
	t.Helper()
	dir := t.TempDir()
	file := pcapFile(binary.LittleEndian, 0xa1b2c3d4, 101, unhex(t, synHex), unhex(t, fin6Hex))
	if err := os.WriteFile(filepath.Join(dir, "pcap"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\npcap=" + filepath.Join(dir, "pcap") + "\nlisten() { echo 'tcpdump: listening on x, link-type RAW' >&2; }\n" +
		"until_int() { tail -f /dev/null >/dev/null 2>&1 & trap 'kill $!; echo \"$1\" >&2; exit 0' INT; listen; cat $pcap; wait; }\n" + body + "\n"
	path := filepath.Join(dir, "tcpdump")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return TcpdumpConfig{Path: path}
}

func TestTcpdumpDoesNotStart(t *testing.T) {
	cases := []struct {
		name, body string
		available  bool
		says       string
	}{
		{"privileges", "echo \"tcpdump: Couldn't change to 'root' uid=0 gid=0: Operation not permitted\" >&2; exit 1", false, "cannot drop privileges inside a user namespace"},
		{"no permission", "echo \"tcpdump: lo: You don't have permission to perform this capture on that device\" >&2; exit 1", false, "may not capture on lo"},
		{"bad filter", "echo \"tcpdump: can't parse filter expression: syntax error\" >&2; exit 1", true, "can't parse filter"},
		{"silence", "exit 0", true, "ended by itself"},
	}
	for _, c := range cases {
		_, err := StartTcpdump(context.Background(), "lo", script(t, c.body))
		var missing *UnavailableError
		if err == nil || errors.As(err, &missing) == c.available || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := StartTcpdump(ctx, "lo", script(t, "exec tail -f /dev/null")); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
}

func TestTcpdumpEndsByItself(t *testing.T) {
	d := startTcpdump(t, "lo", script(t, "listen; cat $pcap; echo 'tcpdump: pcap_loop: The interface disappeared' >&2; exit 1"))
	all, err := ReadAll(d)
	if len(all) != 2 || err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "The interface disappeared") {
		t.Errorf("%d packets, %v", len(all), err)
	}
	if _, err := d.Stop(context.Background(), Drain{}); err == nil || !strings.Contains(err.Error(), "disappeared") {
		t.Errorf("Stop: %v", err)
	}
}

func TestTcpdumpCounters(t *testing.T) {
	cases := []struct {
		name, says string
		want       Counters
		lost       uint64
		why        string
	}{
		{"all there", "2 packets captured\n4 packets received by filter\n0 packets dropped by kernel", Counters{2, 4, 0}, 0, ""}, // lo
		{"dropped", "2 packets captured\n9 packets received by filter\n7 packets dropped by kernel", Counters{2, 9, 7}, 7, "ring buffer"},
		{"one dropped", "2 packets captured\n3 packets received by filter\n1 packet dropped by kernel", Counters{2, 3, 1}, 1, "ring buffer"},
		{"lost on the way", "5 packets captured\n5 packets received by filter\n0 packets dropped by kernel", Counters{5, 5, 0}, 3, "output"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := startTcpdump(t, "lo", script(t, "until_int '"+c.says+"'"))
			got, err := d.Stop(context.Background(), Drain{Packets: 2, Quiet: time.Minute})
			var lost *DropError
			if got != c.want || errors.As(err, &lost) != (c.lost > 0) || lost == nil && err != nil {
				t.Fatalf("%+v, %v", got, err)
			}
			if lost != nil && (lost.Packets != c.lost || !strings.Contains(lost.Why, c.why)) {
				t.Errorf("%v, want %d packets, %q", lost, c.lost, c.why)
			}
			if all, err := ReadAll(d); len(all) != 2 || err != nil {
				t.Errorf("%d packets, %v", len(all), err)
			}
		})
	}
	d := startTcpdump(t, "lo", script(t, "until_int 'goodbye'"))
	if _, err := d.Stop(context.Background(), Drain{Packets: 2}); err == nil || !strings.Contains(err.Error(), "goodbye") {
		t.Errorf("no counters: %v", err)
	}
}

// A program that ignores the interrupt is killed when the caller's patience ends.
func TestTcpdumpStopGivesUp(t *testing.T) {
	d := startTcpdump(t, "lo", script(t, "trap '' INT; listen; cat $pcap; exec tail -f /dev/null"))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Stop(ctx, Drain{Packets: 2}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop: %v", err)
	}
	if all, err := ReadAll(d); len(all) != 2 || err != nil {
		t.Errorf("%d packets, %v", len(all), err)
	}
}

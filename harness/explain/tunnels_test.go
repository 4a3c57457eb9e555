package explain_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
	"lastack/stack/segment"
)

// inGRE puts an IP packet into GRE with a key, between 192.0.2.1 and 192.0.2.2.
func inGRE(packet []byte, key uint32) []byte {
	b := make([]byte, 28, 28+len(packet))
	b[0], b[8], b[9] = 0x45, 64, 47
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(packet)))
	copy(b[12:], []byte{192, 0, 2, 1, 192, 0, 2, 2})
	b[20], b[22] = 0x20, 8 // a key, IPv4
	if packet[0]>>4 == 6 {
		b[22], b[23] = 0x86, 0xdd
	}
	binary.BigEndian.PutUint32(b[24:], key)
	return append(b, packet...)
}

// unreachable is the ICMP error that a router sends about an IPv4 packet.
func unreachable(packet []byte) []byte {
	quote := packet[:min(len(packet), 64)]
	b := make([]byte, 28, 28+len(quote))
	b[0], b[8], b[9] = 0x45, 64, 1
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(quote)))
	copy(b[12:], []byte{192, 0, 2, 9})
	copy(b[16:], packet[12:16])
	b[20], b[21] = 3, 1
	return append(b, quote...)
}

// rewritten is a generated capture whose packets were replaced.
func rewritten(t *testing.T, cfg capturetest.Config, each func(packet []byte) [][]byte) *bytes.Buffer {
	t.Helper()
	cfg.Link = capturetest.RawIP
	file, _ := generate(t, cfg)
	r, err := capture.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := capture.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := capture.NewPcapWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		for _, b := range each(p.Data) {
			p.Data, p.OrigLen = b, len(b)
			if err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

// TestTunnelsApart: the same connections in two tunnels and outside are three times
// as many, each with its own verdict, its own tunnel and its real addresses; and
// --follow, which reads in step, says the same.
func TestTunnelsApart(t *testing.T) {
	cfg := capturetest.Config{Seed: 31, Connections: 200, IPv6: 50}
	_, truth := generate(t, capturetest.Config{Seed: 31, Connections: 200, IPv6: 50, Link: capturetest.RawIP})
	for _, inStep := range []bool{false, true} {
		file := rewritten(t, cfg, func(p []byte) [][]byte { return [][]byte{p, inGRE(p, 1), inGRE(p, 2)} })
		seen := map[string]int{}
		opt := explain.Options{Each: func(c *explain.Connection) error {
			seen[c.Tunnel]++
			want, ok := truth[c.Client+" "+c.Server+" "+c.Start.UTC().String()]
			if got := verdict(c); !ok || got != want {
				t.Errorf("connection %d, %s > %s in %q: %s, want %s", c.N, c.Client, c.Server, c.Tunnel, got, want)
			}
			return nil
		}}
		if inStep {
			opt.Packet = func(*capture.Packet, string) {}
		}
		sum := readAll(t, explain.New(opt), file)
		for _, name := range []string{"", "GRE 1 192.0.2.1-192.0.2.2", "GRE 2 192.0.2.1-192.0.2.2"} {
			if seen[name] != len(truth) {
				t.Errorf("%d connections in %q, want %d", seen[name], name, len(truth))
			}
		}
		if len(seen) != 3 || sum.Connections != 3*len(truth) || sum.Tunnelled == 0 || sum.Duplicates != 0 {
			t.Errorf("%v; %+v", seen, sum)
		}
	}
}

// TestTunnelWays: a tunnel that has another number in each direction is one, and the
// gateway between two tunnels that shows each packet in both makes two of none.
func TestTunnelWays(t *testing.T) {
	cfg := capturetest.Config{Seed: 34, Connections: 100}
	_, truth := generate(t, capturetest.Config{Seed: 34, Connections: 100, Link: capturetest.RawIP})
	key := func(p []byte) uint32 {
		if p[13] == 1 { // the generator's clients
			return 1
		}
		return 2
	}
	for name, tt := range map[string]struct {
		each func(p []byte) [][]byte
		want int
	}{
		"one":      {func(p []byte) [][]byte { return [][]byte{inGRE(p, key(p))} }, len(truth)},
		"gateways": {func(p []byte) [][]byte { return [][]byte{inGRE(p, key(p)), inGRE(p, 3-key(p))} }, 2 * len(truth)},
	} {
		n := 0
		readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
			n++
			if want, ok := truth[c.Client+" "+c.Server+" "+c.Start.UTC().String()]; !ok || verdict(c) != want {
				t.Errorf("%s: connection %d in %s: %s, want %s", name, c.N, c.Tunnel, verdict(c), want)
			}
			return nil
		}}), rewritten(t, cfg, tt.each))
		if n != tt.want {
			t.Errorf("%s: %d connections, want %d", name, n, tt.want)
		}
	}
}

// TestTunnelClosesAtOnce: a connection that its first segment ends is shown, as it
// closes, with its tunnel and its addresses.
func TestTunnelClosesAtOnce(t *testing.T) {
	end := func(s string) segment.Endpoint { return segment.EndpointFrom(netip.MustParseAddrPort(s)) }
	reset := segment.Append(nil, &segment.Segment{
		Tuple: segment.Tuple{Src: end("10.0.0.1:40000"), Dst: end("10.0.0.2:443")}, Version: 4, Flags: segment.RST, Seq: 1,
	}, nil)
	var file bytes.Buffer
	w, err := capture.NewPcapWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for key := range uint32(2) {
		if err := w.Write(capture.Packet{Time: time.Unix(1, 0), Data: inGRE(reset, key)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	readAll(t, explain.New(explain.Options{Closed: func(c *explain.Connection) error {
		got = append(got, c.Client+" "+c.Server+" "+c.Tunnel)
		return nil
	}}), &file)
	want := []string{"10.0.0.1:40000 10.0.0.2:443 GRE 0 192.0.2.1-192.0.2.2", "10.0.0.1:40000 10.0.0.2:443 GRE 1 192.0.2.1-192.0.2.2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestPickInTunnel: a connection in a tunnel is chosen by its own addresses.
func TestPickInTunnel(t *testing.T) {
	cfg := capturetest.Config{Seed: 32, Connections: 5}
	file := rewritten(t, cfg, func(p []byte) [][]byte { return [][]byte{inGRE(p, 1)} })
	var ends []string
	readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
		ends = append(ends, c.Client+","+c.Server)
		return nil
	}}), bytes.NewBuffer(bytes.Clone(file.Bytes())))
	choice, err := explain.ParseChoice(ends[0])
	if err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := explain.Pick(r, choice, "x.pcap")
	if err != nil || trace.Connection.Client+","+trace.Connection.Server != ends[0] || trace.Connection.Tunnel == "" {
		t.Errorf("%v, %+v", err, trace)
	}
}

// TestICMP: an error that quotes a segment of a connection is held against that
// connection, in its tunnel, and no other.
func TestICMP(t *testing.T) {
	n := 0
	file := rewritten(t, capturetest.Config{Seed: 33, Connections: 20, Kinds: []capturetest.Kind{capturetest.FourWay}}, func(p []byte) [][]byte {
		out := [][]byte{p, inGRE(p, 1)}
		if n++; n == 1 { // the first SYN, outside and twice inside
			out = append(out, unreachable(p), inGRE(unreachable(p), 1), unreachable(inGRE(p, 1)), unreachable(inGRE(p, 9)))
		}
		return out
	})
	told := map[string]int{}
	sum := readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
		if c.ICMP == nil {
			return nil
		}
		told[fmt.Sprintf("%d %s %s", c.N, c.Tunnel, c.ICMP.To)] += c.ICMP.Packets
		if c.ICMP.What != "host unreachable" || c.ICMP.From != "192.0.2.9" || !strings.Contains(c.Reason, "192.0.2.9 answered the client's segments with ICMP: host unreachable") {
			t.Errorf("%+v: %s", c.ICMP, c.Reason)
		}
		return nil
	}}), file)
	if len(told) != 2 || told["1  client"] != 1 || told["2 GRE 1 192.0.2.1-192.0.2.2 client"] != 2 {
		t.Errorf("%v", told)
	}
	if sum.ICMPErrors != 4 || sum.NotTCP != 4 || len(sum.Skipped) != 1 || sum.Skipped[0] != (capture.Kind{Name: "ICMP", Packets: 4}) {
		t.Errorf("%+v", sum)
	}
	var text bytes.Buffer
	if err := explain.WriteText(&text, sum, explain.Look{}); err != nil {
		t.Fatal(err)
	}
	if words := strings.Join(strings.Fields(text.String()), " "); !strings.Contains(words, "4 packets of other protocols (ICMP 4); 4 ICMP errors about TCP segments;") {
		t.Error(words)
	}
}

package explain_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// inIPIP puts an IPv4 packet into another between 192.0.2.3 and 192.0.2.4.
func inIPIP(packet []byte) []byte {
	b := make([]byte, 20, 20+len(packet))
	b[0], b[8], b[9] = 0x45, 64, 4
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(packet)))
	copy(b[12:], []byte{192, 0, 2, 3, 192, 0, 2, 4})
	return append(b, packet...)
}

// byClient tells the packets of the generator's clients.
func byClient(p []byte) bool { return p[13] == 1 }

// otherNumbers gives an IPv4 packet numbers of another connection.
func otherNumbers(p []byte) []byte {
	p = bytes.Clone(p)
	for _, at := range []int{24, 28} {
		binary.BigEndian.PutUint32(p[at:], binary.BigEndian.Uint32(p[at:])+1<<30)
	}
	return p
}

// TestOneWayInTunnel: a connection with one direction in a tunnel and the other outside,
// or in a tunnel of another kind, is one, as tshark has it; two halves of two connections
// are two, though they have the same addresses and ports.
func TestOneWayInTunnel(t *testing.T) {
	cfg := capturetest.Config{Seed: 35, Connections: 300, LostFINs: 10}
	_, truth := generate(t, capturetest.Config{Seed: 35, Connections: 300, LostFINs: 10, Link: capturetest.RawIP})
	gre := func(p []byte) []byte { return inGRE(p, 1) }
	plain := func(p []byte) []byte { return p }
	for name, tt := range map[string]struct {
		client, server func([]byte) []byte
		joined         bool
		tunnel         string
	}{
		"there":       {gre, plain, true, "GRE 1 192.0.2.1-192.0.2.2"},
		"back":        {plain, gre, true, ""},
		"other kind":  {inIPIP, gre, true, "IP in IP 192.0.2.3-192.0.2.4"},
		"of others":   {gre, otherNumbers, false, ""},
		"others'":     {otherNumbers, gre, false, ""},
		"other kinds": {inIPIP, func(p []byte) []byte { return gre(otherNumbers(p)) }, false, ""},
	} {
		file := rewritten(t, cfg, func(p []byte) [][]byte {
			if byClient(p) {
				return [][]byte{tt.client(p)}
			}
			return [][]byte{tt.server(p)}
		})
		if tt.joined {
			likeTshark(t, file.Bytes(), len(truth))
		}
		n := 0
		readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
			n++
			if want, ok := truth[c.Client+" "+c.Server+" "+c.Start.UTC().String()]; tt.joined && (!ok || verdict(c) != want || c.Tunnel != tt.tunnel) {
				t.Errorf("%s: connection %d in %q: %s, want %s", name, c.N, c.Tunnel, verdict(c), want)
			}
			return nil
		}}), file)
		if tt.joined && n != len(truth) || !tt.joined && n < 2*len(truth) {
			t.Errorf("%s: %d connections of %d", name, n, len(truth))
		}
	}
}

// TestOneWayInTheMiddle: the same where the capture has no handshake.
func TestOneWayInTheMiddle(t *testing.T) {
	cfg := capturetest.Config{Seed: 36, Connections: 100, Kinds: []capturetest.Kind{capturetest.FourWay}}
	n := 0
	sum := readAll(t, explain.New(explain.Options{}), rewritten(t, cfg, func(p []byte) [][]byte {
		switch {
		case p[33]&2 != 0: // SYN
			return nil
		case byClient(p):
			return [][]byte{inGRE(p, 7)}
		}
		n++
		return [][]byte{p}
	}))
	if sum.Connections != 100 || sum.OneSided != 0 || n == 0 {
		t.Errorf("%d connections, %d one-sided", sum.Connections, sum.OneSided)
	}
}

// likeTshark holds the number of connections against tshark's, where that is installed.
func likeTshark(t *testing.T, file []byte, want int) {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		return
	}
	path := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", path, "-T", "fields", "-e", "tcp.stream").Output()
	if err != nil {
		t.Fatal(err)
	}
	streams := map[string]bool{}
	for _, s := range strings.Fields(string(out)) {
		streams[s] = true
	}
	if len(streams) != want {
		t.Errorf("tshark has %d connections, want %d", len(streams), want)
	}
}

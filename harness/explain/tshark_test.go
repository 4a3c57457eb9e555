package explain_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
	"lastack/harness/teardown"
)

// The bits of tshark's tcp.completeness.
const (
	tsharkSYN = 1 << iota
	tsharkSYNACK
	tsharkACK
	tsharkData
	tsharkFIN
	tsharkRST
)

// TestAgreesWithTshark: on a generated capture, tshark finds the same connections,
// the same active closers (tcp.connection.fin_active), and in each connection
// handshake, data, FIN and RST (tcp.completeness) where the verdicts have them.
//
// They differ in three ways, which are no disagreement about the wire:
//
//   - tshark calls the side active whose FIN the capture has first. Where both
//     FINs crossed, active_closer is "both", and tshark names one of them.
//   - tshark marks a FIN that is sent again as active once more, so that its
//     first mark counts.
//   - tshark counts the ACK flag of a RST that refuses a SYN as the handshake's
//     ACK.
func TestAgreesWithTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed (apt-get install tshark)")
	}
	file, truth := generate(t, capturetest.Config{Seed: 21, Connections: 5000, LostFINs: 10})
	path := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	streams := tsharkStreams(t, tshark, path)
	if len(streams) != len(truth) {
		t.Errorf("tshark has %d connections, want %d", len(streams), len(truth))
	}
	compared := 0
	readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
		s, ok := streams[c.Client+" "+c.Server]
		if !ok {
			t.Errorf("tshark has no %s > %s", c.Client, c.Server)
			return nil
		}
		compared++
		if want := string(c.ActiveCloser); s.active != want && !(want == "both" && s.active != "none") {
			t.Errorf("connection %d: active closer %s, tshark %s", c.N, want, s.active)
		}
		if want := completeness(c); s.completeness != want {
			t.Errorf("connection %d, %s: completeness %06b, tshark %06b", c.N, c.Close, want, s.completeness)
		}
		return nil
	}}), file)
	if compared != len(truth) {
		t.Errorf("%d connections compared, want %d", compared, len(truth))
	}
}

// completeness is what tshark should make of a verdict.
func completeness(c *explain.Connection) int {
	bits := tsharkSYN
	if c.Close == teardown.Refused {
		return bits | tsharkACK | tsharkRST
	}
	bits |= tsharkSYNACK | tsharkACK
	if c.ClientBytes+c.ServerBytes > 0 {
		bits |= tsharkData
	}
	if c.ActiveCloser != teardown.None {
		bits |= tsharkFIN
	}
	if c.ResetBy != teardown.None || c.LateReset {
		bits |= tsharkRST
	}
	return bits
}

// stream is what tshark says of one connection.
type stream struct {
	active       string
	completeness int
}

// tsharkStreams asks tshark, by "client server".
func tsharkStreams(t *testing.T, tshark, path string) map[string]stream {
	t.Helper()
	// Two passes: in one, a packet has the completeness before it.
	out, err := exec.Command(tshark, "-2", "-r", path, "-T", "fields", "-e", "tcp.stream", "-e", "ip.src", "-e", "tcp.srcport",
		"-e", "ip.dst", "-e", "tcp.dstport", "-e", "tcp.connection.fin_active", "-e", "tcp.completeness").Output()
	if err != nil {
		t.Fatalf("tshark -r: %v", err)
	}
	all := map[string]stream{}
	names := map[string]string{} // by number: the first packet is the client's
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 7 {
			t.Fatalf("tshark prints %q", lines.Text())
		}
		src := fmt.Sprintf("%s:%s", f[1], f[2])
		if names[f[0]] == "" {
			names[f[0]] = fmt.Sprintf("%s %s:%s", src, f[3], f[4])
			all[names[f[0]]] = stream{active: "none"}
		}
		s := all[names[f[0]]]
		if f[5] != "" && s.active == "none" {
			s.active = "server"
			if strings.HasPrefix(names[f[0]], src+" ") {
				s.active = "client"
			}
		}
		if n, err := strconv.Atoi(f[6]); err == nil {
			s.completeness |= n
		}
		all[names[f[0]]] = s
	}
	return all
}

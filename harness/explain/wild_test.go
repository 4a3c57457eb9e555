package explain

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
)

// explained is what becomes of scripts, one connection each, in turn.
func explained(t *testing.T, opt Options, scripts ...string) ([]*Connection, *Summary) {
	t.Helper()
	var all []*Connection
	opt.Each = func(c *Connection) error { all = append(all, c); return nil }
	a := New(opt)
	for _, s := range scripts {
		recs, err := teardowntest.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs {
			a.add(&record{Record: r})
		}
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	return all, sum
}

// TestRoles: who is the server where the capture does not have the handshake.
func TestRoles(t *testing.T) {
	mid := "0 c PSH+ACK len=20\n1 s PSH+ACK len=300\n2 c FIN+ACK\n3 s ACK\n"
	shared := func(n int) (scripts []string) {
		for i := range n {
			scripts = append(scripts, fmt.Sprintf("client 10.0.1.%d:%d\nserver 10.0.0.2:50051\n%s", 10+i, 20000+7*i, mid))
		}
		return scripts
	}
	for name, tt := range map[string]struct {
		scripts []string
		want    string
	}{
		"shared":                {shared(2), "10.0.0.2:50051"},
		"one, by its number":    {shared(1), "10.0.1.10:20000"},
		"a SYN to it elsewhere": {append(shared(1), "client 10.0.3.3:1000\nserver 10.0.0.2:50051\n0 c SYN\n"), "10.0.0.2:50051"},
		"a SYN+ACK of it":       {append(shared(1), "client 10.0.3.3:1000\nserver 10.0.0.2:50051\n0 s SYN+ACK\n"), "10.0.0.2:50051"},
		"one number on three hosts": {[]string{
			"client 10.0.1.1:20001\nserver 10.0.0.2:50051\n" + mid, "client 10.0.1.2:20002\nserver 10.0.0.3:50051\n" + mid,
			"client 10.0.1.3:20003\nserver 10.0.0.4:50051\n" + mid}, ":50051"},
	} {
		all, _ := explained(t, Options{}, tt.scripts...)
		for _, c := range all {
			if !c.Handshake && !strings.HasSuffix(c.Server, tt.want) {
				t.Errorf("%s: the server is %s, want %s", name, c.Server, tt.want)
			}
		}
	}
	all, sum := explained(t, Options{}, shared(3)...)
	if c := all[0]; c.ActiveCloser != teardown.Client || c.CloseWait != teardown.Server || c.ClientBytes != 20 || !strings.Contains(c.Reason, "the server in CLOSE_WAIT") {
		t.Errorf("turned round: %+v", c)
	}
	if len(sum.Groups) != 1 || sum.Groups[0].Server != "10.0.0.2:50051" || sum.Groups[0].ClientFirst != 3 {
		t.Errorf("groups: %+v", sum.Groups)
	}
}

// TestOneSided: said once, and nothing is found about the other side.
func TestOneSided(t *testing.T) {
	half := "0 c SYN\n20 c ACK\n21 c PSH+ACK len=20\n41 c ACK ack=301\n61 c FIN+ACK ack=301\n461 c FIN+ACK seq=21 ack=301\n"
	all, sum := explained(t, Options{}, half)
	if len(sum.Findings) > 0 || len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "1 of 1 connection has one direction alone") || all[0].OneSided != teardown.Server {
		t.Errorf("%+v %q", sum.Findings, sum.Warnings)
	}
	scripts := []string{half}
	for i := range 10 {
		scripts = append(scripts, fmt.Sprintf("client 10.0.1.%d:40000\n%s", i+1, talked))
	}
	if _, sum = explained(t, Options{}, scripts...); len(sum.Warnings) > 0 || sum.OneSided != 1 {
		t.Errorf("one of eleven: %q", sum.Warnings)
	}
}

// packets is a source of TCP packets at given times.
type packets struct{ at []time.Duration }

func (p *packets) Next() (capture.Packet, error) {
	if len(p.at) == 0 {
		return capture.Packet{}, io.EOF
	}
	at := p.at[0]
	p.at = p.at[1:]
	b := make([]byte, 40)
	b[0], b[3], b[8], b[9] = 0x45, 40, 64, 6
	copy(b[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	b[20], b[23], b[32], b[33], b[27] = 0x9c, 80, 0x50, 0x10, byte(at/time.Second)
	return capture.Packet{Time: time.Unix(1_700_000_000, 0).Add(at), Data: b, OrigLen: 40}, nil
}

// TestGaps: files that overlap or join are one capture, and a gap ends the view.
func TestGaps(t *testing.T) {
	for name, tt := range map[string]struct {
		files       [][]time.Duration
		connections int
	}{
		"join":         {[][]time.Duration{{0, 1 * time.Second}, {30 * time.Second}}, 1},
		"overlap":      {[][]time.Duration{{0, 300 * time.Second}, {100 * time.Second}}, 1},
		"gap":          {[][]time.Duration{{0, 1 * time.Second}, {61 * time.Second}}, 2},
		"as good as":   {[][]time.Duration{{0, 1 * time.Second}, {60999 * time.Millisecond}}, 1},
		"years":        {[][]time.Duration{{0, 1 * time.Second}, {69237 * time.Hour}}, 2},
		"leap in one":  {[][]time.Duration{{0, 1 * time.Second, 25 * time.Hour}}, 2},
		"quiet in one": {[][]time.Duration{{0, 1 * time.Second, 23 * time.Hour}}, 1},
	} {
		var sources []capture.Source
		for _, f := range tt.files {
			sources = append(sources, &packets{f})
		}
		var all []*Connection
		a := New(Options{Each: func(c *Connection) error { all = append(all, c); return nil }})
		if err := a.ReadAll(NewMerge(sources)); err != nil {
			t.Fatal(err)
		}
		sum, err := a.Summary()
		if err != nil || len(all) != tt.connections {
			t.Errorf("%s: %d connections, want %d: %v", name, len(all), tt.connections, err)
			continue
		}
		told := strings.Contains(all[0].Reason, "not seen since")
		if cut := tt.connections > 1; told != cut || cut != strings.Contains(strings.Join(sum.Warnings, "\n"), "there is 1 gap") {
			t.Errorf("%s: %s %q", name, all[0].Reason, sum.Warnings)
		}
		if line := sum.Counts(); strings.Contains(line, " days ") || strings.Contains(line, "in -") || strings.Contains(line, "69237") {
			t.Errorf("%s: %s", name, line)
		}
	}
}

// TestPortRange: what is assumed is not what the capture refutes.
func TestPortRange(t *testing.T) {
	closed := talked + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n"
	at := func(opt Options, ports ...int) string {
		var scripts []string
		for i := range 600 {
			scripts = append(scripts, fmt.Sprintf("client 10.0.0.9:%d\nisn=%d,%d\n%s", ports[i%len(ports)], 1000*i, 2000*i, closed))
		}
		_, sum := explained(t, opt, scripts...)
		if len(sum.Findings) == 0 {
			return ""
		}
		return string(sum.Findings[0].Kind) + " " + sum.Findings[0].Text
	}
	spread := func(low, step int) (ports []int) {
		for i := range 600 {
			ports = append(ports, low+(i*7919%600)*step)
		}
		return ports
	}
	full := func(n int) (ports []int) {
		for i := range n {
			ports = append(ports, 40000+i*31%n)
		}
		return ports
	}
	for name, tt := range map[string]struct {
		opt   Options
		ports []int
		want  string
	}{
		"Linux":        {Options{}, spread(33000, 40), "28,232 ports there are (assumed: 32768-60999"},
		"Windows":      {Options{}, spread(49200, 25), "16,384 ports there are (assumed: 49152-65535"},
		"neither":      {Options{}, spread(10000, 80), "64,512 ports there are (assumed: 1024-65535"},
		"given":        {Options{Ports: PortRange{30000, 39999}}, spread(30000, 5), "10,000 ports there are (as given: 30000-39999"},
		"given, wrong": {Options{Ports: PortRange{30000, 30999}}, spread(33000, 40), "not all in 30000-30999"},
		"full":         {Options{}, full(500), "port-exhaustion 10.0.0.9 closes first and leaves 600 connections to 10.200.0.1:80 in TIME_WAIT; it has used all 500 ports of 40000-40499"},
	} {
		if got := at(tt.opt, tt.ports...); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q does not say %q", name, got, tt.want)
		}
	}
	for _, bad := range []string{"", "1", "0-5", "9-3", "1-70000", "1-2x"} {
		if r, err := ParsePortRange(bad); err == nil {
			t.Errorf("%q is the range %v", bad, r)
		}
	}
}

// TestFastOpenShare: how many tried it.
func TestFastOpenShare(t *testing.T) {
	s := Summary{Connections: 200, FastOpen: map[teardown.FastOpen]int{teardown.FastOpenData: 3, teardown.FastOpenCookie: 1}}
	if got, want := s.fastOpen(), "; TCP Fast Open on 4 (2.0%), data taken on 3, a cookie given on 1"; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
	if s := (Summary{}); s.fastOpen() != "" {
		t.Error("nobody tried")
	}
}

// TestSYNs: what the packets allow to say of a SYN without answer.
func TestSYNs(t *testing.T) {
	again := "0 c SYN\n1000 c SYN seq=0\n3000 c SYN seq=0\n"
	_, sum := explained(t, Options{}, "client 10.0.1.1:1000\n"+again)
	if f := sum.Findings; len(f) != 1 || f[0].Kind != FindSYN || !strings.Contains(f[0].Text, "sent 3 times and waited for up to 3.0 s: nothing comes from there") {
		t.Errorf("%+v", f)
	}
	_, sum = explained(t, Options{}, "client 10.0.1.1:1000\n"+talked, "client 10.0.1.1:1001\n"+again)
	if f := sum.Findings; len(f) != 1 || !strings.Contains(f[0].Text, "1 other was answered") {
		t.Errorf("%+v", f)
	}
	if _, sum = explained(t, Options{}, "0 c SYN\n"); len(sum.Findings) > 0 {
		t.Errorf("the SYN is the last segment: %+v", sum.Findings)
	}
}

// TestBurst: the minute that has most, and the rate.
func TestBurst(t *testing.T) {
	var m moments
	base := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	for i := range 30 {
		m.add(base.Add(time.Duration(i) * time.Second))
	}
	if got, want := m.burst(nil), " All in 29 s from 2026-03-04 05:06:00 UTC, 1.0 per second."; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
	m.add(base.Add(time.Hour))
	if got, want := m.burst(nil), " 30 of them in the minute of 2026-03-04 05:06 UTC, 0.5 per second."; got != want {
		t.Errorf("have %q, want %q", got, want)
	}
}

// TestLateStragglers: what comes hours later without a SYN belongs to the connection that was
// there, as tshark has it.
func TestLateStragglers(t *testing.T) {
	all, _ := explained(t, Options{}, "0 c RST\n8340000 c RST\n14580000 c RST\n")
	if len(all) != 1 {
		t.Errorf("%d connections, want 1", len(all))
	}
}

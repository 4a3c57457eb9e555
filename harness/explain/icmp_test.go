package explain_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// icmpAbout is the ICMP error of a type and code that a router, or the destination
// itself, sends about an IPv4 packet.
func icmpAbout(packet []byte, typ, code byte, mtu uint16, self bool) []byte {
	b := unreachable(packet)
	if self {
		copy(b[12:], packet[16:20])
	}
	b[20], b[21] = typ, code
	binary.BigEndian.PutUint16(b[26:], mtu)
	return b
}

// isSYN tells the first segment of a connection.
func isSYN(p []byte) bool { return p[33]&0x12 == 2 }

// TestICMPFindings: connections that ICMP errors ended make a finding, by what is to be
// done, with who sent how many; those that went on, and those of a traceroute, make none.
func TestICMPFindings(t *testing.T) {
	syns := func(typ, code byte, self bool) func(p []byte) [][]byte {
		return func(p []byte) [][]byte {
			if !isSYN(p) {
				return nil
			}
			return [][]byte{p, icmpAbout(p, typ, code, 0, self)}
		}
	}
	big := func(p []byte) [][]byte {
		switch {
		case len(p) <= 1000:
			return [][]byte{p}
		case byClient(p):
			return nil
		}
		return [][]byte{p, icmpAbout(p, 3, 4, 900, false)}
	}
	// stopped lets nothing pass of what comes after a segment that is too big.
	halted := map[uint16]bool{}
	stopped := func(p []byte) [][]byte {
		port := binary.BigEndian.Uint16(p[20:])
		if !byClient(p) {
			port = binary.BigEndian.Uint16(p[22:])
		}
		if halted[port] && byClient(p) || !byClient(p) && p[33]&1 != 0 {
			return nil
		}
		halted[port] = halted[port] || len(p) > 1000
		return big(p)
	}
	for name, tt := range map[string]struct {
		each func(p []byte) [][]byte
		want map[explain.FindingKind]string
	}{
		"no host":    {syns(3, 1, false), map[explain.FindingKind]string{explain.FindUnreachable: `40 of 40 connections to 10.2.0.1:443 ended with ICMP errors, after which nothing came back: 192.0.2.9 sent "host unreachable" 40 times: that router has no route`}},
		"rejected":   {syns(3, 3, false), map[explain.FindingKind]string{explain.FindUnreachable: `192.0.2.9 sent "port unreachable" 40 times: a firewall on the way rejects the port`}},
		"by itself":  {syns(3, 3, true), map[explain.FindingKind]string{explain.FindUnreachable: `10.2.0.1 sent "port unreachable" 40 times: the host itself answers so`}},
		"forbidden":  {syns(3, 13, false), map[explain.FindingKind]string{explain.FindUnreachable: "a filter there forbids it"}},
		"traceroute": {syns(11, 0, false), map[explain.FindingKind]string{}},
		"went on":    {func(p []byte) [][]byte { return [][]byte{p, icmpAbout(p, 3, 1, 0, false)} }, map[explain.FindingKind]string{}},
		"heeded":     {big, map[explain.FindingKind]string{}},
		"not heeded": {stopped, map[explain.FindingKind]string{explain.FindPathMTU: `192.0.2.9 sent "fragmentation needed"`}},
	} {
		cfg := capturetest.Config{Seed: 37, Connections: 40, Servers: 1, Gap: 200 * time.Millisecond, Kinds: []capturetest.Kind{capturetest.FourWay}}
		sum := readAll(t, explain.New(explain.Options{}), rewritten(t, cfg, tt.each))
		got := map[explain.FindingKind]string{}
		for _, f := range sum.Findings {
			if f.Kind == explain.FindUnreachable || f.Kind == explain.FindPathMTU || f.Kind == explain.FindSYN && len(tt.want) > 0 {
				got[f.Kind] = f.Text
			}
		}
		if !maps.EqualFunc(got, tt.want, strings.Contains) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestICMPBetweenSegments: reading ahead keeps the order of errors and segments, so that
// it finds what reading in step does.
func TestICMPBetweenSegments(t *testing.T) {
	cfg := capturetest.Config{Seed: 38, Connections: 200, Gap: 10 * time.Millisecond}
	n := 0
	file := rewritten(t, cfg, func(p []byte) [][]byte {
		if n++; n%3 == 0 {
			return [][]byte{p, icmpAbout(p, 3, 1, 0, false)}
		}
		return [][]byte{p}
	})
	found := func(opt explain.Options) string {
		findings, err := json.Marshal(readAll(t, explain.New(opt), bytes.NewBuffer(bytes.Clone(file.Bytes()))).Findings)
		if err != nil {
			t.Fatal(err)
		}
		return string(findings)
	}
	ahead, inStep := found(explain.Options{}), found(explain.Options{Closed: func(*explain.Connection) error { return nil }})
	if ahead != inStep || !strings.Contains(ahead, string(explain.FindUnreachable)) {
		t.Errorf("ahead %s\nin step %s", ahead, inStep)
	}
}

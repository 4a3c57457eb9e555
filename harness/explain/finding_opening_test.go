package explain

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown/teardowntest"
)

// saidOf is the text of a finding about connections by scripts, each to a server's port and from
// a client's port of its own; empty where there is no such finding.
func saidOf(t *testing.T, kind FindingKind, scripts ...string) string {
	t.Helper()
	a := New(Options{})
	for i, script := range scripts {
		recs, err := teardowntest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs {
			for _, e := range []*uint16{&r.Seg.Src.Port, &r.Seg.Dst.Port} {
				if *e >= 32768 {
					*e += uint16(i)
				}
			}
			r.Time = r.Time.Add(time.Duration(i) * time.Minute)
			a.add(&record{Record: r})
		}
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range sum.Findings {
		if f.Kind == kind {
			return f.Text
		}
	}
	return ""
}

// TestOpeningFindings: a finding about SYNs, refusals or aborts goes by what else the server did,
// and by how long the clients waited.
func TestOpeningFindings(t *testing.T) {
	const (
		served  = talked + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n"
		refused = "0 c SYN\n1 s RST+ACK\n"
		silent  = "0 c SYN\n3000 c SYN seq=0\n9000 c SYN seq=0\n"
		scanned = "0 c SYN\n0.1 s SYN+ACK\n0.2 c ACK\n0.3 c RST+ACK\n"
		unread  = talked + "4 s RST+ACK\n"
		at81    = "server 10.200.0.1:81\n"
	)
	for _, tt := range []struct {
		name    string
		kind    FindingKind
		scripts []string
		want    string
		not     string
	}{
		{"given up with a RST", FindSYN, []string{silent, silent + "21000 c RST+ACK ack=0\n"}, "2 of 2 connections", ""},
		{"the wait", FindSYN, []string{silent, served + "600000 c ACK\n"}, "waited for up to 21 s", "9 min"},
		{"sent once", FindSYN, []string{"0 c SYN\n", at81 + served}, "sent once and waited for up to 3.0 s", ""},
		{"some served", FindSYN, []string{silent, served}, "1 other was answered", ""},
		{"some refused", FindSYN, []string{silent, refused, refused}, "2 others were refused", "backlog"},
		{"other ports answer", FindSYN, []string{silent, at81 + refused}, "the host answers on other ports", "the host is down"},
		{"nothing answers", FindSYN, []string{silent, at81 + silent}, "the host is down", ""},
		{"the port serves", FindRefused, []string{served, refused, served}, "2 others were served", "correct the address"},
		{"the port serves nobody", FindRefused, []string{refused, at81 + served}, "correct the address", "served"},
		{"nothing to read", FindAborts, []string{scanned, scanned}, "no data had come", "Read to the end"},
		{"something to read", FindAborts, []string{unread}, "Read to the end", "no data had come"},
		{"either", FindAborts, []string{unread, scanned}, "on 1 no data had come", ""},
		{"another server", FindAborts, []string{unread, unread, at81 + scanned}, "10.200.0.1:81 (1, no data to read)", ""},
	} {
		text := saidOf(t, tt.kind, tt.scripts...)
		if !strings.Contains(text, tt.want) || tt.not != "" && strings.Contains(text, tt.not) {
			t.Errorf("%s: %q, want %q, and no %q", tt.name, text, tt.want, tt.not)
		}
	}
}

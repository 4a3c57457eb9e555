package inprocess_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/stack/segment"
)

// far is a light connection with a peer at some distance, by whose clock its host's segments
// are told.
type far struct {
	*pane
	side  peerSide
	begun time.Duration
	told  []string
}

// wait lets time pass until ms after the beginning, and tells of the segments with data or a FIN.
func (p *far) wait(ms int) {
	until := p.begun + time.Duration(ms)*time.Millisecond
	if err := p.s.Sleep(p.t.Context(), until); err != nil {
		p.t.Fatal(err)
	}
	for {
		pkt, err := p.s.Packet(p.t.Context(), p.s.Now())
		if errors.Is(err, packetdrill.ErrQuiet) {
			return
		}
		if err != nil {
			p.t.Fatal(err)
		}
		s, err := segment.Parse(pkt.Data)
		if err != nil {
			p.t.Fatal(err)
		}
		if s.Len() > 0 {
			p.told = append(p.told, fmt.Sprintf("%d:%d+%d", (pkt.At-p.begun).Milliseconds(), s.Seq-p.iss, s.Len()))
		}
	}
}

func (p *far) write(n int) {
	p.result(&packetdrill.Call{Name: "write", FD: p.conn, Data: make([]byte, n)})
}
func (p *far) close() { p.result(&packetdrill.Call{Name: "close", FD: p.conn}) }

// ack acknowledges the host's bytes up to a number, and reports those from twice to it as received
// twice, unless that is 0.
func (p *far) ack(number, twice segment.Seq) {
	if twice > 0 {
		p.side.options.SACKCount = 1
		p.side.options.SACKBlocks[0] = segment.SACKBlock{Start: p.iss + twice, End: p.iss + number}
		defer func() { p.side.options.SACKCount = 0 }()
	}
	p.inject(&p.side, segment.ACK, 1, number, 0)
}

// TestTailProbe: a light connection sends the last of several segments again when nothing of
// them is acknowledged for two round trips, as measured until then, and stays light until more
// than that is wrong.
func TestTailProbe(t *testing.T) {
	const rtt = 10
	for _, c := range []struct {
		name  string
		sack  bool
		rtt   int // in ms
		do    func(*far)
		until int
		want  string // when, number and length of each segment
		light bool
	}{
		{"two segments", true, rtt, func(p *far) { p.write(100); p.write(50) }, 150, "0:1+100 0:101+50 22:101+50", true},
		{"one write of several", true, rtt, func(p *far) { p.write(3000) }, 150, "0:1+1424 0:1425+1424 0:2849+152 22:2849+152", true},
		{"data and FIN", true, rtt, func(p *far) { p.write(100); p.close() }, 150, "0:1+100 0:101+1 22:101+1", true},
		{"far away", true, 80, func(p *far) { p.write(100); p.write(50) }, 180, "0:1+100 0:101+50 162:101+50", true},
		{"near", true, 0, func(p *far) { p.write(100); p.write(50) }, 150, "0:1+100 0:101+50 4:101+50", true},
		{"one segment", true, rtt, func(p *far) { p.write(100) }, 190, "0:1+100", true},
		{"without SACK", false, rtt, func(p *far) { p.write(100); p.write(50) }, 190, "0:1+100 0:101+50", true},
		{"then the timeout", true, rtt, func(p *far) { p.write(100); p.write(50) }, 250, "0:1+100 0:101+50 22:101+50 222:1+100", false},
		{"acknowledged", true, rtt, func(p *far) { p.write(100); p.write(50); p.wait(20); p.ack(151, 0) }, 500, "0:1+100 0:101+50", true},
		{"one left", true, rtt, func(p *far) { p.write(100); p.write(50); p.wait(20); p.ack(101, 0) }, 215, "0:1+100 0:101+50", true},
		{"from progress", true, rtt, func(p *far) { p.write(10); p.write(20); p.write(30); p.wait(15); p.ack(11, 0) }, 150,
			"0:1+10 0:11+20 0:31+30 38:31+30", true},
		{"from the latest", true, rtt, func(p *far) { p.write(100); p.wait(50); p.write(50) }, 150, "0:1+100 50:101+50 72:101+50", true},
		{"needless", true, rtt, func(p *far) {
			p.write(100)
			p.write(50)
			p.wait(30)
			p.ack(151, 0)
			p.wait(35)
			p.ack(151, 101)
		}, 500,
			"0:1+100 0:101+50 22:101+50", true},
		{"twice", true, rtt, func(p *far) {
			p.write(100)
			p.write(50)
			p.wait(30)
			p.ack(151, 0)
			p.write(100)
			p.write(50)
		}, 150, "0:1+100 0:101+50 22:101+50 30:151+100 30:251+50 57:251+50", true},
		{"what came behind a probe", true, rtt, func(p *far) {
			p.write(100)
			p.write(50)
			p.wait(30)
			p.write(100)
			p.write(50)
			p.wait(40)
			p.ack(151, 0)
		}, 150, "0:1+100 0:101+50 22:101+50 30:151+100 30:251+50 69:251+50", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &far{pane: newPane(t, 1), side: peerSide{next: 1, acked: 1, window: 60000}}
			p.side.options.MSS, p.side.options.SACKPermitted = 1460, c.sack
			p.openAt(&p.side, time.Duration(c.rtt)*time.Millisecond)
			p.begun = p.s.Now()
			c.do(p)
			p.wait(c.until)
			n, err := p.s.Promote()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(slices.Compact(p.told), " "); got != c.want || (n == 1) != c.light {
				t.Errorf("%s; light: %v\nwant %s; %v", got, n == 1, c.want, c.light)
			}
		})
	}
}

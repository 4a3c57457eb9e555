// Package teardowntest turns a script of a connection into the records that an
// observer of it would have made, for the tests of packages that read them.
//
// A script has one segment a line, and comments after '#':
//
//	client 10.0.0.2:41000          # optional, likewise server
//	0      c SYN     mss=1460      # ms, side (c or s), flags, settings
//	0.03   s SYN+ACK mss=1460
//	0.05   c ACK
//	1      c PSH+ACK len=79
//	1.2    c FIN+ACK
//	12     s FIN+ACK held=10.8 hold=carried
//	12.1   c ACK
//
// seq and ack are relative to the initial sequence numbers and follow from what
// was sent so far unless they are set. Settings: seq, ack, len, win, mss, held
// (ms), hold (none, carried, expired), ts (any value: with timestamps), ttl, id (of IPv4),
// fastclose (any value: with MP_FASTCLOSE), lost (out: dropped before the wire; in: behind
// it). A line
// "isn=C,S" instead of a segment sets the initial sequence numbers of the
// connection that begins there, and forgets what was sent.
//
// The steps come from a flow.Conn, and the initial sequence numbers lie so close
// to 2^32 that every script wraps. Package teardowntest is pure.
package teardowntest

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"lastack/harness/teardown"
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// start is the time of 0 ms.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Parse reads a script. An error names the line.
func Parse(script string) ([]teardown.Record, error) {
	p := parser{isn: [2]segment.Seq{0xffff_fffd, 0xffff_ffc0}}
	p.end[flow.Client] = segment.EndpointFrom(netip.MustParseAddrPort("10.200.0.2:41000"))
	p.end[flow.Server] = segment.EndpointFrom(netip.MustParseAddrPort("10.200.0.1:80"))
	for n, line := range strings.Split(script, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 0 {
			if err := p.line(f); err != nil {
				return nil, fmt.Errorf("script line %d: %w", n+1, err)
			}
		}
	}
	return p.recs, nil
}

type parser struct {
	end  [2]segment.Endpoint
	isn  [2]segment.Seq
	next [2]segment.Seq // after what each side has sent
	flow flow.Conn
	recs []teardown.Record
}

func (p *parser) line(f []string) error {
	switch {
	case f[0] == "client" || f[0] == "server":
		return p.endpoint(f)
	case strings.HasPrefix(f[0], "isn="):
		p.flow, p.next = flow.Conn{}, [2]segment.Seq{}
		_, err := fmt.Sscanf(f[0], "isn=%d,%d", &p.isn[flow.Client], &p.isn[flow.Server])
		return err
	case len(f) < 3:
		return fmt.Errorf("want a time, a side and flags, have %q", f)
	}
	at, err := millis(f[0])
	if err != nil {
		return err
	}
	from, err := side(f[1])
	if err != nil {
		return err
	}
	flags, err := parseFlags(f[2])
	if err != nil {
		return err
	}
	r := teardown.Record{Time: start.Add(at)}
	r.Seg.Flags, r.Seg.Window, r.Seg.Version = flags, 1000, 4
	r.Seg.Src, r.Seg.Dst = p.end[from], p.end[from.Other()]
	r.Seg.Seq = p.next[from]
	r.Seg.Ack = p.next[from.Other()]
	for _, kv := range f[3:] {
		if err := set(&r, kv); err != nil {
			return err
		}
	}
	p.emit(from, &r)
	return nil
}

func (p *parser) endpoint(f []string) error {
	s, err := side(f[0][:1])
	if err != nil || len(f) != 2 {
		return fmt.Errorf("want %s ip:port, have %q", f[0], f)
	}
	ap, err := netip.ParseAddrPort(f[1])
	p.end[s] = segment.EndpointFrom(ap)
	return err
}

// emit makes the numbers absolute and asks the flow for the step.
func (p *parser) emit(from flow.Side, r *teardown.Record) {
	s := &r.Seg
	p.next[from] = p.next[from].Max(s.End())
	s.Seq += p.isn[from]
	if s.Flags.Has(segment.ACK) {
		s.Ack += p.isn[from.Other()]
	} else {
		s.Ack = 0
	}
	switch {
	case r.LostIn:
		r.Step = p.flow.Miss(from, s)
	case !r.Lost:
		r.Step = p.flow.Update(from, s)
	}
	p.recs = append(p.recs, *r)
}

func side(s string) (flow.Side, error) {
	switch s {
	case "c":
		return flow.Client, nil
	case "s":
		return flow.Server, nil
	}
	return 0, fmt.Errorf("want side c or s, have %q", s)
}

func parseFlags(s string) (fl segment.Flags, err error) {
	for _, name := range strings.Split(s, "+") {
		bit, ok := map[string]segment.Flags{
			"FIN": segment.FIN, "SYN": segment.SYN, "RST": segment.RST,
			"PSH": segment.PSH, "ACK": segment.ACK, "none": 0,
		}[name]
		if !ok {
			return 0, fmt.Errorf("unknown flag %q", name)
		}
		fl |= bit
	}
	return fl, nil
}

// set applies one key=value to the record, whose numbers are still relative.
func set(r *teardown.Record, kv string) error {
	key, value, _ := strings.Cut(kv, "=")
	switch key {
	case "held":
		d, err := millis(value)
		r.Held = d
		return err
	case "hold":
		hold, ok := map[string]flow.Hold{
			"none": flow.NotHeld, "carried": flow.Carried, "expired": flow.Expired,
		}[value]
		if !ok {
			return fmt.Errorf("unknown hold %q", value)
		}
		r.Hold = hold
		return nil
	case "lost":
		r.Lost, r.LostIn = value == "out", value == "in"
		if r.Lost == r.LostIn {
			return fmt.Errorf("lost is in or out, have %q", value)
		}
		r.Impaired = "dropped: on its way " + value
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return fmt.Errorf("%q: %w", kv, err)
	}
	switch key {
	case "seq":
		r.Seg.Seq = segment.Seq(n)
	case "ack":
		r.Seg.Ack = segment.Seq(n)
	case "len":
		r.Seg.PayloadLen = int(n)
	case "win":
		r.Seg.Window = uint16(n)
	case "mss":
		r.Seg.MSS = uint16(n)
	case "ttl":
		r.Path.TTL = uint8(n)
	case "id":
		r.Path.ID = uint16(n)
	case "fastclose":
		r.Seg.FastClose = true
	case "ts":
		r.Seg.HasTimestamps, r.Seg.TSVal = true, uint32(n)
	default:
		return fmt.Errorf("unknown setting %q", key)
	}
	return nil
}

func millis(s string) (time.Duration, error) {
	v, err := strconv.ParseFloat(s, 64)
	return time.Duration(math.Round(v * float64(time.Millisecond))), err
}

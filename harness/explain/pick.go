package explain

import (
	"errors"
	"fmt"
	"io"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// Trace is one connection of a capture, whole.
type Trace struct {
	Connection Connection
	Records    []teardown.Record
}

// maxTrace bounds the segments of a Trace; what has more is no close but a
// transfer.
const maxTrace = 100_000

// Pick reads a capture for the one connection that is chosen. Its errors name what
// else there is to choose; name is what the capture is called.
func Pick(s capture.Source, choice Choice, name string) (*Trace, error) {
	p := &picker{choice: choice}
	p.table = teardown.NewTable(teardown.Config{
		Remember: remember, RememberFor: rememberFor, MaxOpen: maxOpen, OnForget: p.leave,
	})
	if err := p.read(s); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	p.table.Flush()
	switch {
	case p.found == 0 && choice.text == "":
		return nil, fmt.Errorf("%s: there is no TCP connection", name)
	case p.found == 0:
		return nil, fmt.Errorf("%s: connection %s is not among the %d there are (lastack explain --csv lists them)", name, choice.text, p.seen)
	case p.found > 1 && choice.text == "":
		return nil, fmt.Errorf("%s has %d connections; choose one by its number or its ends (lastack explain --csv lists them)", name, p.found)
	case p.found > 1:
		return nil, fmt.Errorf("%s: %s is %d connections, such as %d and %d; choose by number", name, choice.text, p.found, p.numbers[0], p.numbers[1])
	}
	return &Trace{Connection: *p.kept, Records: p.records}, nil
}

// picker is a Pick under way.
type picker struct {
	choice  Choice
	table   *teardown.Table
	tunnels tunnels
	records []teardown.Record // of the first that is picked
	of      *teardown.Conn    // that one
	kept    *Connection       // the same when it left
	numbers []int             // of the first two that are picked
	found   int
	seen    int
}

func (p *picker) read(src capture.Source) error {
	segments := capture.NewSegments(src, capture.SegmentsConfig{})
	var rec teardown.Record
	for {
		packet, seg, err := segments.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		rec.Time, rec.Seg, rec.Path = sane(packet.Time), *seg, teardown.PathOf(packet.Data)
		if c := p.tunnels.add(p.table, &rec, packet.Tunnel); p.picks(c) && (p.of == nil || p.of == c) {
			p.of = c
			if p.records = append(p.records, rec); len(p.records) > maxTrace {
				return fmt.Errorf("the connection has more than %s segments", number(maxTrace))
			}
		}
	}
}

func (p *picker) picks(c *teardown.Conn) bool {
	client, server, _ := p.tunnels.ends(c)
	return p.choice.is(c.Number(), c.Start(), client, server)
}

func (p *picker) leave(c *teardown.Conn) {
	p.seen++
	defer p.tunnels.forget(c)
	if !p.picks(c) {
		return
	}
	if p.found++; p.found <= 2 {
		p.numbers = append(p.numbers, c.Number())
	}
	if c == p.of {
		p.kept = &Connection{N: c.Number(), Report: c.Report(), Detail: c.Detail(p.table.Now())}
		if client, server, in := p.tunnels.ends(c); in != nil {
			p.kept.Tunnel, p.kept.Client, p.kept.Server = in.String(), client.String(), server.String()
		}
	}
}

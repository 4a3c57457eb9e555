package explain

import (
	"errors"
	"fmt"
	"io"
	"net/netip"

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
	if err := p.read(newFeed(s, p.leave)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	switch {
	case p.found == 0 && choice.text == "":
		return nil, fmt.Errorf("%s: there is no TCP connection", name)
	case p.found == 0:
		return nil, fmt.Errorf("%s: connection %s is not among the %d there are (lastack explain --csv lists them)", name, choice.text, p.seen)
	case p.found > 1 && choice.text == "":
		return nil, fmt.Errorf("%s has %d connections; choose one by its number or its ends (lastack explain --csv lists them), or all with --path", name, p.found)
	case p.found > 1:
		return nil, fmt.Errorf("%s: %s is %d connections, such as %d and %d; choose by number", name, choice.text, p.found, p.numbers[0], p.numbers[1])
	}
	return &Trace{Connection: *p.kept, Records: p.records}, nil
}

// picker is a Pick under way.
type picker struct {
	choice  Choice
	records []teardown.Record // of the first that is picked
	of      int               // its number, 0 while there is none
	kept    *Connection       // the same when it left
	turned  *Connection       // with client and server in each other's place, nil where a SYN told
	ends    [2]netip.AddrPort // then, of client and server
	numbers []int             // of the first two that are picked
	found   int
	seen    int
}

func (p *picker) read(f *feed) error {
	for {
		r, c, err := f.next()
		if errors.Is(err, io.EOF) {
			f.table.Flush()
			p.orient(&f.roles)
			return nil
		}
		if err != nil {
			return err
		}
		if !p.picks(f, c) || p.of != 0 && p.of != c.Number() {
			continue
		}
		p.of = c.Number()
		if p.records = append(p.records, *r); len(p.records) > maxTrace {
			return fmt.Errorf("the connection has more than %s segments", number(maxTrace))
		}
	}
}

func (p *picker) picks(f *feed, c *teardown.Conn) bool {
	client, server, _ := f.tunnels.ends(c)
	return p.choice.is(c.Number(), c.Start(), client, server)
}

func (p *picker) leave(f *feed, c *teardown.Conn) {
	p.seen++
	if !p.picks(f, c) {
		return
	}
	if p.found++; p.found <= 2 {
		p.numbers = append(p.numbers, c.Number())
	}
	if c.Number() != p.of {
		return
	}
	client, server, in := f.tunnels.ends(c)
	p.kept = f.connection(c, client, server, in)
	if !c.Certain() {
		p.turned, p.ends = f.connection(c.Swapped(), server, client, in), [2]netip.AddrPort{client, server}
	}
}

// connection is one that leaves.
func (f *feed) connection(c *teardown.Conn, client, server netip.AddrPort, in *capture.Tunnel) *Connection {
	k := &Connection{N: c.Number(), Report: c.Report(), Detail: c.Detail(f.table.Now())}
	if in != nil {
		k.Tunnel, k.Client, k.Server = in.String(), client.String(), server.String()
	}
	return k
}

// orient decides who is the server where no SYN told, by the whole capture.
func (p *picker) orient(r *roles) {
	if p.turned != nil && r.serves(p.ends[0], p.ends[1]) {
		p.kept = p.turned
		swapRecords(p.records)
	}
}

// swapRecords does to the steps what Swapped does to the connection.
func swapRecords(records []teardown.Record) {
	for i := range records {
		s := &records[i].Step
		s.From = s.From.Other()
		flip(&s.Before)
		flip(&s.After)
	}
}

package explain

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// Choice names one connection of a capture: by its number, or by the address and
// port of one or both ends. The zero value is the only one there is.
type Choice struct {
	n    int
	ends []netip.AddrPort
	text string
}

// ParseChoice reads "17", "10.0.0.1:40000" or "10.0.0.1:40000,10.0.0.2:80".
func ParseChoice(s string) (Choice, error) {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return Choice{n: n, text: s}, nil
	}
	c := Choice{text: s}
	for _, part := range strings.Split(s, ",") {
		end, err := netip.ParseAddrPort(part)
		if err != nil || len(c.ends) == 2 {
			return Choice{}, fmt.Errorf("%q is neither a number from 1 nor an end such as 10.0.0.1:40000, or two with a comma between them", s)
		}
		c.ends = append(c.ends, end)
	}
	return c, nil
}

func (c *Choice) picks(k *teardown.Conn, in *tunnels) bool {
	if c.n > 0 {
		return k.Number() == c.n
	}
	client, server, _ := in.ends(k)
	for _, end := range c.ends {
		if end != client && end != server {
			return false
		}
	}
	return true
}

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
	numbers []int             // of the first two that are picked
	found   int
	seen    int
}

func (p *picker) read(f *feed) error {
	for {
		r, c, err := f.next()
		if errors.Is(err, io.EOF) {
			f.table.Flush()
			return nil
		}
		if err != nil {
			return err
		}
		if !p.choice.picks(c, &f.tunnels) || p.of != 0 && p.of != c.Number() {
			continue
		}
		p.of = c.Number()
		if p.records = append(p.records, *r); len(p.records) > maxTrace {
			return fmt.Errorf("the connection has more than %s segments", number(maxTrace))
		}
	}
}

func (p *picker) leave(f *feed, c *teardown.Conn) {
	p.seen++
	if !p.choice.picks(c, &f.tunnels) {
		return
	}
	if p.found++; p.found <= 2 {
		p.numbers = append(p.numbers, c.Number())
	}
	if c.Number() != p.of {
		return
	}
	client, server, in := f.tunnels.ends(c)
	if f.roles.swapped(c) {
		c, client, server = c.Swapped(), server, client
		swapRecords(p.records)
	}
	p.kept = &Connection{N: c.Number(), Report: c.Report(), Detail: c.Detail(f.table.Now())}
	if in != nil {
		p.kept.Tunnel, p.kept.Client, p.kept.Server = in.String(), client.String(), server.String()
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

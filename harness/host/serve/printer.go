package serve

import (
	"bufio"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"lastack/harness/host/trace"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
)

// printer turns segments into lines about closed connections.
type printer struct {
	cfg    *Config
	out    *bufio.Writer
	table  *teardown.Table
	counts map[teardown.Kind]int
	now    time.Time
	err    error
}

func newPrinter(cfg *Config) *printer {
	p := &printer{cfg: cfg, out: bufio.NewWriter(cfg.Out), counts: map[teardown.Kind]int{}}
	p.table = teardown.NewTable(teardown.Config{
		OnClose: p.closed, OnRevive: p.revived, OnForget: p.forgotten,
		IdleFor: 24 * time.Hour, HalfOpenFor: halfOpenFor, MaxHalfOpen: maxHalfOpen, MaxOpen: maxOpen,
		Lean:    !cfg.JSON && !cfg.Verbose, // one line a close has none of its segments
		Recycle: true,
	})
	return p
}

// The printer's memory is bounded: a handshake that is not over is given up after as long
// as a SYN is repeated, and among very many connections the one unheard of for longest.
const (
	halfOpenFor = 2 * time.Minute
	maxHalfOpen = 4096
	maxOpen     = 1 << 18
)

func (p *printer) add(i *trace.Item) {
	p.now = i.Time
	r := i.Record()
	p.table.Add(&r)
}

// closed prints a connection when it is over. Later segments (a repeated FIN, a late RST)
// are on the wire and in the pcapng, and change no verdict.
func (p *printer) closed(c *teardown.Conn) {
	p.print(c)
}

// revived takes back what was printed of a connection whose RST did not count.
func (p *printer) revived(c *teardown.Conn) {
	p.counts[teardown.Reset]--
	if p.cfg.JSON {
		return // its lines are one a close; the next says it anew
	}
	_, err := fmt.Fprintf(p.out, "%s %s > :%d  goes on: the RST before did not count\n",
		p.now.Format(clock), c.Client(), c.Server().Port())
	p.note(err)
}

// forgotten prints a connection that never came to its end; one that did has
// been printed.
func (p *printer) forgotten(c *teardown.Conn) {
	if !c.Done() {
		p.print(c)
	}
}

func (p *printer) print(c *teardown.Conn) {
	v := c.Verdict()
	p.counts[v.Close]++
	if p.cfg.count != nil {
		p.cfg.count(v.Close, v.Cause)
	}
	switch {
	case p.cfg.JSON:
		p.note(json.NewEncoder(p.out).Encode(c.Report()))
	case p.cfg.Verbose:
		r := c.Report()
		_, err := fmt.Fprintf(p.out, "\n%s\n%s", p.now.Format(clock), ladder.Render(&r, ladder.Config{
			Client: "kernel", Server: "lastack", Color: p.cfg.Color, Width: p.cfg.Columns,
		}))
		p.note(err)
	default:
		_, err := p.out.Write(p.now.AppendFormat(p.out.AvailableBuffer(), clock+" "))
		p.note(err)
		_, err = p.out.WriteString(line(&v))
		p.note(err)
		p.note(p.out.WriteByte('\n'))
	}
}

const clock = "15:04:05.000"

// line is a close in one line: who, how, who first, and the delay of the FIN's
// ACK. A busy host prints thousands a second, so it does without fmt.
func line(r *teardown.Report) string {
	b := make([]byte, 0, 128)
	b = append(append(b, r.Client...), " > "...)
	b = append(append(b, r.Server[strings.LastIndexByte(r.Server, ':'):]...), "  "...)
	b = append(b, r.Close...)
	switch {
	case r.ResetBy != teardown.None && r.ResetBy != "":
		b = append(append(b, ", RST from "...), r.ResetBy...)
	case r.ActiveCloser == teardown.Both:
		b = append(b, ", both at once"...)
	case r.ActiveCloser != teardown.None:
		b = append(append(append(b, ", "...), r.ActiveCloser...), " first"...)
	}
	if r.AckDelayUS >= 0 && r.ActiveCloser != teardown.None {
		b = append(b, ", ACK after "...)
		b = strconv.AppendFloat(b, float64(r.AckDelayUS)/1000, 'f', 2, 64)
		b = append(b, " ms"...)
	}
	return string(b)
}

func (p *printer) note(err error) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("printing closes: %w", err)
	}
}

// flush writes out what add and the closes led to.
func (p *printer) flush() error {
	p.note(p.out.Flush())
	return p.err
}

// summary prints what is still open, and counts it all.
func (p *printer) summary() error {
	p.table.Flush()
	total := 0
	var kinds []string
	for k, n := range p.counts {
		total += n
		kinds = append(kinds, fmt.Sprintf("%s %d", k, n))
	}
	sort.Strings(kinds)
	if p.cfg.JSON {
		p.note(json.NewEncoder(p.out).Encode(map[string]any{
			"summary": map[string]any{"connections": total, "closes": p.counts},
		}))
		return p.flush()
	}
	text := fmt.Sprintf("%d connections", total)
	if total == 1 {
		text = "1 connection"
	}
	if total > 0 {
		text += ": " + strings.Join(kinds, ", ")
	}
	_, err := fmt.Fprintln(p.out, text)
	p.note(err)
	return p.flush()
}

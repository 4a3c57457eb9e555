package explain

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"lastack/stack/segment"
)

// Part is what one run of an Analysis with Options.Partial wrote.
type Part struct {
	// Name is what the part is called.
	Name string
	// Open opens its file. It is called several times, as not all of a part is kept.
	Open func() (io.ReadCloser, error)

	header
	id    string
	empty bool
}

// names are the files that the part was made from.
func (p *Part) names() []string { return p.Files }

// MergeParts makes the report of several captures of what was written of each, as one run
// that reads all of them would, but for the bounds of what is kept and for connections
// whose packets are in two of them: these count twice, and there is a warning. The order of
// the parts makes no difference. It refuses a part that is given twice, whatever it is
// called, and parts that were counted by other filters.
func MergeParts(parts []*Part, ports PortRange) (*Summary, error) {
	if err := identify(parts); err != nil {
		return nil, err
	}
	v := newEvidence()
	for _, p := range parts {
		o := newEvidence()
		err := p.each(func(l *line) error {
			if l.Connection != nil {
				return nil
			}
			return o.load(l)
		})
		if err != nil {
			return nil, err
		}
		o.from(p)
		v.merge(&o)
	}
	twice, err := severed(parts)
	if err != nil {
		return nil, err
	}
	if err := v.settle(func(yield func(*undecided) error) error { return eachUndecided(parts, yield) }); err != nil {
		return nil, err
	}
	v.sum.Parts = len(parts)
	v.tell(twice)
	s := v.report(ports)
	s.warnSkipped(s.records)
	return s, nil
}

// identify reads every part to its end, checks it, and sorts the parts by what is in them.
func identify(parts []*Part) error {
	for _, p := range parts {
		if err := p.identify(); err != nil {
			return err
		}
	}
	slices.SortFunc(parts, func(a, b *Part) int {
		return cmp.Or(cmp.Compare(a.id, b.id), slices.Compare(a.Files, b.Files), cmp.Compare(a.Name, b.Name))
	})
	for i, p := range parts {
		if p.Filter != parts[0].Filter {
			return fmt.Errorf("%s counts %s, and %s counts %s: make them with the same flags", parts[0].Name, orAll(parts[0].Filter), p.Name, orAll(p.Filter))
		}
		if i > 0 && p.id == parts[i-1].id && !p.empty {
			return fmt.Errorf("%s and %s are of the same packets, and would count twice; leave out one", parts[i-1].Name, p.Name)
		}
	}
	return nil
}

func orAll(filter string) string {
	if filter == "" {
		return "all connections"
	}
	return printable(filter)
}

func (p *Part) identify() error {
	p.empty = true
	o := newEvidence()
	connections := 0
	err := p.each(func(l *line) error {
		if l.Connection == nil {
			return o.load(l)
		}
		if connections++; connections > maxPartWaiting || !l.Connection.sound() || !o.sum.End.IsZero() {
			return errors.New("too many connections, or one that is none")
		}
		return nil
	})
	p.empty = o.sum.Packets == 0 && connections == 0
	return err
}

// each reads the lines of a part; its errors name the part.
func (p *Part) each(load func(*line) error) error {
	f, err := p.Open()
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	if err := p.read(f, load); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return nil
}

func (p *Part) read(f io.Reader, load func(*line) error) error {
	r, err := newPartReader(f)
	if err != nil {
		return err
	}
	p.header = r.header
	for {
		l, err := r.next()
		if errors.Is(err, io.EOF) {
			if p.id != "" && p.id != r.end.SHA256 {
				return errors.New("the partial was changed meanwhile; merge again")
			}
			p.id = r.end.SHA256
			return nil
		}
		if err != nil {
			return err
		}
		if !countsIn(reflect.ValueOf(l)) {
			return fmt.Errorf("%w: line %d has a number that is none of a capture", ErrDamaged, r.lines+1)
		}
		if err := load(l); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: line %d: %v", ErrDamaged, r.lines+1, err)
		}
	}
}

// errEnough ends the reading of a part.
var errEnough = errors.New("enough of the part is read")

// eachUndecided yields the connections that wait in the parts.
func eachUndecided(parts []*Part, yield func(*undecided) error) error {
	for _, p := range parts {
		err := p.each(func(l *line) error {
			if l.Connection == nil {
				return errEnough // they come first
			}
			l.Connection.As.part = p
			if l.Connection.Or != nil {
				l.Connection.Or.part = p
			}
			return yield(l.Connection)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxSevered bounds the connections that may go on in another part.
const maxSevered = 262_144

// severed counts connections that had not ended at the end of one part, and are in another
// after that, without their beginning.
func severed(parts []*Part) (n int, err error) {
	open := map[segment.Tuple]*undecided{}
	err = eachUndecided(parts, func(u *undecided) error {
		o := open[u.As.tuple()] // the first to end: the parts are in no order of time
		if u.Open && (o == nil && len(open) < maxSevered || o != nil && u.As.end().Before(o.As.end())) {
			open[u.As.tuple()] = u
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	err = eachUndecided(parts, func(u *undecided) error {
		if u.Or == nil {
			return nil
		}
		o := open[u.As.tuple()]
		if o != nil && o.As.part != u.As.part && !u.As.Start.Before(o.As.end()) {
			n++
		}
		return nil
	})
	return n, err
}

func (k *fact) tuple() segment.Tuple {
	t, _ := segment.Tuple{Src: segment.EndpointFrom(k.Client), Dst: segment.EndpointFrom(k.Server)}.Canonical()
	return t
}

// tell adds what there is to say of the parts, that of each under its file's name.
func (v *evidence) tell(twice int) {
	slices.Sort(v.sum.told)
	for i, text := range v.sum.told {
		if i == maxTold {
			v.sum.warning("%s of the parts are not shown", number(len(v.sum.told)-i)+" more warnings")
			break
		}
		v.sum.warning("%s", text)
	}
	if twice > 0 {
		v.sum.warning("%s in one part and without a beginning in a later one, and count twice: split a capture by connection, or read the files of one host in one run (lastack explain --partial OUT FILE...)", unended(twice))
	}
}

func unended(n int) string {
	if n == 1 {
		return "1 connection is without an end"
	}
	return count(n, "connection") + " are without an end"
}

// from notes the part that evidence is from.
func (v *evidence) from(p *Part) {
	name := p.Name
	if len(p.Files) == 1 {
		name = p.Files[0]
	}
	for i, text := range v.sum.told {
		if !strings.Contains(text, name) {
			v.sum.told[i] = name + ": " + text
		}
	}
	for _, c := range v.groups.all {
		c.Example.part = p
	}
	for _, c := range v.findings.servers.counts {
		for _, of := range c.v.cases() {
			if of.Example != nil {
				of.Example.part = p
			}
		}
	}
	for _, c := range v.findings.leaks.counts {
		c.v.Example.part = p
	}
	for _, c := range v.findings.pairs.counts {
		c.v.Example.part = p
	}
}

// cases are all that a host has.
func (h *host) cases() []*cases {
	all := []*cases{&h.Again, &h.Waiting, &h.SYNs, &h.Timed}
	for i := range h.Causes {
		all = append(all, &h.Causes[i])
	}
	if h.ICMP != nil {
		for i := range h.ICMP {
			all = append(all, &h.ICMP[i].Cases)
		}
	}
	return all
}

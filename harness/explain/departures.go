package explain

import (
	"time"

	"lastack/harness/teardown"
)

// Connections that leave the Table are counted in a goroutine of its own, in the order in
// which they leave: with the reader there is work for two processors then.

// departures are the connections on their way to that goroutine, which until wait returns
// owns the evidence of the Analysis. Roles, silences, tunnels and ICMP errors stay with the
// Table: a connection that they may tell something about is judged before it is handed over.
type departures struct {
	table *teardown.Table
	batch *departed // being filled; nil is none
	full  chan *departed
	empty chan *departed
}

// departed is a number of connections that left, in their order.
type departed struct {
	all    []departure
	judged []ended // those of them that do not tell everything by themselves
	warmth uint64  // so that loads in advance have a use
}

// departure is one connection, and what goes with it if it was not judged.
type departure struct {
	conn    *teardown.Conn
	seen    time.Time
	flushed bool
	judged  bool
}

// The connections on their way: so many batches of so many.
const (
	departedBatches = 4
	departedBatch   = 256
)

// countBeside counts beside run what leaves the Table in it. Where somebody wants to have
// each connection as it leaves, it is counted at once.
func (a *Analysis) countBeside(run func()) {
	if a.opt.Each != nil || a.opt.Closed != nil || a.opt.Packet != nil || a.opt.Partial != nil {
		run()
		return
	}
	d := &departures{
		table: a.table, full: make(chan *departed, departedBatches), empty: make(chan *departed, departedBatches),
	}
	for range departedBatches {
		d.empty <- &departed{all: make([]departure, 0, departedBatch)}
	}
	a.leaving = d
	go func() {
		for b := range d.full {
			a.depart(b)
			d.empty <- b
		}
	}()
	run()
	d.wait()
	close(d.full)
	a.leaving = nil
}

// add hands over a connection that leaves.
func (d *departures) add(a *Analysis, c *teardown.Conn) {
	if d.batch == nil {
		d.batch = d.spare()
	}
	b := d.batch
	gone := departure{conn: c, seen: a.table.Now(), flushed: a.flushing}
	// While the Table is flushed there is nothing else to be done here.
	if a.flushing || !c.Plain() || len(a.icmp) > 0 || a.tunnels.any() {
		gone.judged = true
		b.judged = append(b.judged, a.left(c))
		a.forget(&b.judged[len(b.judged)-1])
	}
	if b.all = append(b.all, gone); len(b.all) == departedBatch {
		d.send()
	}
}

// spare waits for a batch that was counted, and gives its connections back to the Table.
func (d *departures) spare() *departed {
	b := <-d.empty
	for i := range b.all {
		d.table.TakeBack(b.all[i].conn)
	}
	clear(b.judged)
	b.all, b.judged = b.all[:0], b.judged[:0]
	return b
}

func (d *departures) send() {
	d.full <- d.batch
	d.batch = nil
}

// wait returns when all that was handed over is counted.
func (d *departures) wait() {
	if d == nil {
		return
	}
	if d.batch != nil {
		d.send()
	}
	var all [departedBatches]*departed
	for i := range all {
		all[i] = d.spare()
	}
	for _, b := range all {
		d.empty <- b
	}
}

// depart counts connections that were handed over.
func (a *Analysis) depart(b *departed) {
	judged := b.judged
	for i := range b.all {
		if i+1 < len(b.all) && !b.all[i+1].judged {
			b.warmth += b.all[i+1].conn.Warm()
		}
		if d := &b.all[i]; d.judged {
			a.show(&judged[0])
			judged = judged[1:]
		} else {
			e := ended{conn: d.conn, client: d.conn.Client(), server: d.conn.Server(), seen: d.seen, flushed: d.flushed}
			e.judge()
			a.show(&e)
		}
	}
}

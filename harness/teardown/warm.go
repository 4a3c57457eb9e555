package teardown

// Of tens of thousands of connections most are in no cache of the processor. Warm loads
// those that will be needed next, several at a time, because most of the time that a new
// or a forgotten connection takes is waiting for memory.

// Prepare does a part of what Add has to do for a record. Any goroutine may call it. A
// caller that changes the addresses of the record has to call it again.
func (t *Table) Prepare(r *Record) { r.hash = t.index.hash(&r.Seg.Tuple) }

// hashOf takes what Prepare left, once: a record may be used again for another segment.
func (t *Table) hashOf(r *Record) uint64 {
	h := r.hash
	if r.hash = 0; h == 0 {
		h = t.index.hash(&r.Seg.Tuple)
	}
	return h
}

// Warm is a hint that Add will soon be called with records that were prepared. It changes
// nothing.
func (t *Table) Warm(r *Record) {
	if e := t.index.buckets[r.hash&uint64(len(t.index.buckets)-1)]; e != nil {
		t.warmth += e.hash
	}
}

// warm loads a connection that is to be forgotten next; nil is none.
func (t *Table) warm(e *entry) {
	if e != nil {
		t.warmth += e.hash + e.Conn.Warm()
	}
}

// Warm is a hint that the verdict on the connection will soon be asked for, beside that on
// others. The number means nothing; whoever keeps it keeps the loads.
func (c *Conn) Warm() uint64 {
	client, server := &c.side[0], &c.side[1]
	return uint64(c.over) + uint64(c.last) + uint64(c.rtt[0]) + uint64(c.synAt) + uint64(c.talk.at) +
		client.segments + uint64(client.fin.at) + uint64(client.last.at) + uint64(client.fin.ackAt) +
		server.segments + uint64(server.fin.at) + uint64(server.last.at) + uint64(server.fin.ackAt)
}

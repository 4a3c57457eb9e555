package capturetest

import (
	"bufio"
	"container/heap"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"lastack/stack/segment"
)

// epoch is when every generated capture begins.
var epoch = time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)

// firstPort and ports are Linux's range of ephemeral ports.
const (
	firstPort = 32768
	ports     = 60999 - firstPort + 1
)

// Write generates a capture file on w.
func Write(w io.Writer, c Config) (Summary, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	buf := bufio.NewWriterSize(w, 1<<20)
	g := &generator{
		Config: c, rand: rand.New(rand.NewPCG(c.Seed, 0x1a57ac)), begin: epoch,
		file: file{w: buf, Config: c},
	}
	g.file.header()
	for g.Summary.Connections < c.Connections || len(g.active) > 0 {
		g.step()
		if g.file.err != nil {
			return g.Summary, fmt.Errorf("capturetest: write packet %d: %w", g.Summary.Packets, g.file.err)
		}
	}
	if err := buf.Flush(); err != nil {
		return g.Summary, fmt.Errorf("capturetest: write out the buffer: %w", err)
	}
	g.Summary.Records, g.Summary.Bytes = g.file.records, g.file.bytes
	return g.Summary, nil
}

// generator interleaves the connections by time.
type generator struct {
	Config
	Summary
	rand   *rand.Rand
	begin  time.Time // of the next connection
	active queue
	file   file
	packet []byte
	spare  []*script
}

// step begins the next connection, or writes the next packet of those begun,
// whichever comes first.
func (g *generator) step() {
	if g.Summary.Connections < g.Config.Connections && (len(g.active) == 0 || g.begin.Before(g.active[0].due())) {
		heap.Push(&g.active, g.connection(g.Summary.Connections))
		g.Summary.Connections++
		g.begin = g.begin.Add(time.Duration(g.rand.Int64N(2 * int64(g.Gap))))
		return
	}
	s := g.active[0]
	g.write(s.due(), &s.events[0])
	if s.events = s.events[1:]; len(s.events) > 0 {
		heap.Fix(&g.active, 0)
		return
	}
	heap.Pop(&g.active)
	if g.Each != nil {
		g.Each(s.truth)
	}
	g.spare = append(g.spare, s)
}

// connection writes down connection number n. No two have the same addresses
// and ports: the port counts first, then the client.
func (g *generator) connection(n int) *script {
	s := &script{}
	if last := len(g.spare) - 1; last >= 0 {
		s, g.spare = g.spare[last], g.spare[:last]
	}
	*s = script{
		rand: g.rand, start: g.begin, events: s.events[:0],
		rtt: 40*time.Microsecond + time.Duration(g.rand.Int64N(int64(4*time.Millisecond))),
		v6:  g.rand.IntN(100) < g.IPv6, lost: g.rand.IntN(100) < g.LostFINs,
	}
	host, server1 := n/ports, g.rand.IntN(g.Servers)
	addr := func(kind, hi, lo byte) (a [16]byte) {
		if s.v6 {
			return [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 7: kind, 14: hi, 15: lo}
		}
		return [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: kind, 14: hi, 15: lo}
	}
	s.sides[client] = side{endpoint: segment.Endpoint{Addr: addr(1, byte(host>>8), byte(host)), Port: firstPort + uint16(n%ports)}}
	s.sides[server] = side{endpoint: segment.Endpoint{Addr: addr(2, 0, byte(server1+1)), Port: [...]uint16{443, 80, 5432}[server1%3]}}
	for i := range s.sides {
		s.sides[i].next, s.sides[i].clock, s.sides[i].id = segment.Seq(g.rand.Uint32()), g.rand.Uint32(), uint16(g.rand.Uint32())
	}
	s.truth = Truth{Tuple: segment.Tuple{Src: s.sides[client].endpoint, Dst: s.sides[server].endpoint}, Start: g.begin}
	s.write(g.Kinds[g.rand.IntN(len(g.Kinds))], g.Response)
	return s
}

// zeroes are the data of every segment.
var zeroes [maxSegment]byte

func (g *generator) write(at time.Time, e *event) {
	g.packet = segment.Append(g.packet[:0], &e.seg, zeroes[:e.payload])
	setID(g.packet, e.id)
	g.Packets++
	fromClient := e.seg.Dst.Port < firstPort
	g.file.packet(at, g.packet, e.id, 0, fromClient)
	if g.Twice {
		lowerTTL(g.packet)
		g.file.packet(at.Add(time.Microsecond), g.packet, e.id, 1, fromClient)
	}
}

// queue is a heap of connections by the time of their next packet.
type queue []*script

func (s *script) due() time.Time   { return s.start.Add(s.events[0].at) }
func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due().Before(q[j].due()) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*script)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

package reasons

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"lastack/harness/capture/tracepoint"
)

var (
	client = netip.MustParseAddrPort("10.0.0.1:40000")
	server = netip.MustParseAddrPort("10.0.0.2:80")
	noPort = netip.AddrPortFrom(client.Addr(), 0)
	zero   = time.Unix(1_800_000_000, 0)
)

// The kernel's states.
const (
	finWait1  = tracepoint.State(4)
	finWait2  = tracepoint.State(5)
	closeWait = tracepoint.State(8)
	lastAck   = tracepoint.State(9)
)

// said is one event at so many milliseconds.
type said struct {
	ms int
	tracepoint.Event
}

func change(ms, pid int, socket uint64, local, remote netip.AddrPort, before, after tracepoint.State) said {
	return said{ms, tracepoint.Event{Kind: tracepoint.StateChange, PID: pid, Socket: socket, Local: local, Remote: remote, Old: before, New: after}}
}

func sent(ms, pid int, socket, packet uint64, local, remote netip.AddrPort, reason string) said {
	return said{ms, tracepoint.Event{Kind: tracepoint.ResetSent, PID: pid, Socket: socket, Packet: packet, Local: local, Remote: remote, Reason: reason}}
}

func received(ms int, socket uint64, local, remote netip.AddrPort) said {
	return said{ms, tracepoint.Event{Kind: tracepoint.ResetReceived, Socket: socket, Local: local, Remote: remote}}
}

func dropped(ms int, socket, packet uint64, reason string) said {
	return said{ms, tracepoint.Event{Kind: tracepoint.Drop, Socket: socket, Packet: packet, Reason: reason}}
}

func bookOf(events []said) *Book {
	b := NewBook()
	for _, e := range events {
		command := map[int]string{1: "curl", 2: "nginx"}[e.PID]
		b.Add(&e.Event, zero.Add(time.Duration(e.ms)*time.Millisecond), command)
	}
	return b
}

// opened are a client's and a server's sockets, 1 and 2: the client has no port as it begins.
func opened(ms int) []said {
	return []said{
		change(ms, 1, 1, noPort, server, tracepoint.Closed, tracepoint.SynSent),
		change(ms+1, 0, 2, server, client, tracepoint.Listen, tracepoint.SynRecv),
		change(ms+1, 0, 1, client, server, tracepoint.SynSent, tracepoint.Established),
		change(ms+1, 0, 2, server, client, tracepoint.SynRecv, tracepoint.Established),
	}
}

func TestBook(t *testing.T) {
	for _, tt := range []struct {
		name       string
		events     []said
		start, end int // ms of the connection
		first      Side
		want       string
	}{
		{"nothing", nil, 0, 100, Client, `null`},
		{"three-way, both here", append(opened(0),
			change(50, 1, 1, client, server, tracepoint.Established, finWait1),
			change(51, 0, 2, server, client, tracepoint.Established, closeWait),
			change(60, 2, 2, server, client, closeWait, lastAck),
		), 0, 60, Client, `{"side":"client","pid":1,"command":"curl","other":{"side":"server","pid":2,"command":"nginx"}}`},
		{"only the far end is here", []said{change(60, 2, 2, server, client, closeWait, lastAck)}, 0, 60, Client,
			`{"side":"server","pid":2,"command":"nginx"}`},
		{"a server that closes with unread data", append(opened(0),
			change(50, 2, 2, server, client, tracepoint.Established, tracepoint.Closed),
			sent(50, 2, 2, 0, server, client, "TCP_ABORT_ON_CLOSE"),
			received(50, 1, client, server),
			dropped(50, 1, 9, "TCP_RESET"),
		), 0, 50, Server, `{"side":"server","reason":"TCP_ABORT_ON_CLOSE","pid":2,"command":"nginx","other":{"side":"client","pid":1,"command":"curl","reset_received":true,"dropped":[{"reason":"TCP_RESET","segments":1}]}}`},
		{"data after the socket was gone", append(opened(0),
			change(10, 2, 2, server, client, tracepoint.Established, finWait1),
			change(11, 0, 2, server, client, finWait1, tracepoint.Closed),
			sent(50, 0, 0, 5, server, client, "NO_SOCKET"),
			dropped(50, 0, 5, "NO_SOCKET"),
		), 0, 50, Server, `{"side":"server","reason":"NO_SOCKET","pid":2,"command":"nginx","dropped":[{"reason":"NO_SOCKET","segments":1}],"other":{"side":"client","pid":1,"command":"curl"}}`},
		{"Linux 6.8: the word is the drop's", []said{
			sent(50, 0, 0, 5, server, client, ""), dropped(50, 0, 5, "NO_SOCKET"), dropped(51, 0, 5, "OTHER"),
		}, 49, 50, Server, `{"side":"server","reason":"NO_SOCKET","dropped":[{"reason":"NO_SOCKET","segments":1}]}`},
		{"a timer, and whoever ran then", append(opened(0),
			sent(50, 0, 2, 0, server, client, "TCP_KEEPALIVE_TIMEOUT"),
			change(50, 0, 2, server, client, tracepoint.Established, tracepoint.Closed),
		), 0, 50, Server, `{"side":"server","reason":"TCP_KEEPALIVE_TIMEOUT","other":{"side":"client","pid":1,"command":"curl"}}`},
		{"the connection before on these ports", append(append(opened(0),
			sent(50, 2, 2, 0, server, client, "TCP_ABORT_ON_CLOSE")),
			opened(1000)...), 0, 60, Server, `{"side":"server","reason":"TCP_ABORT_ON_CLOSE","pid":2,"command":"nginx","other":{"side":"client","pid":1,"command":"curl"}}`},
		{"the connection after on these ports", append(append(opened(0),
			sent(50, 2, 2, 0, server, client, "TCP_ABORT_ON_CLOSE")),
			opened(1000)...), 1000, 1100, Server, `{"side":"client","pid":1,"command":"curl"}`},
		{"an older refusal of these ports", []said{sent(0, 0, 0, 0, server, client, "NO_SOCKET")}, 1000, 1100, Server, `null`},
		{"another namespace has the same ends at the time", append(opened(0),
			change(5, 0, 7, server, client, tracepoint.Listen, tracepoint.SynRecv),
			change(50, 2, 2, server, client, tracepoint.Established, finWait1),
			change(60, 3, 7, server, client, tracepoint.Established, finWait1),
		), 0, 60, Server, `{"side":"client","pid":1,"command":"curl","ambiguous":true}`},
		{"nobody reset it, as far as the capture shows", append(opened(0), sent(50, 2, 2, 0, server, client, "TCP_STATE")), 0, 60, "",
			`{"side":"server","reason":"TCP_STATE","pid":2,"command":"nginx","other":{"side":"client","pid":1,"command":"curl"}}`},
		{"a listener is no connection", []said{
			change(0, 2, 2, server, netip.AddrPortFrom(netip.IPv4Unspecified(), 0), tracepoint.Closed, tracepoint.Listen),
			change(5, 2, 2, server, netip.AddrPortFrom(netip.IPv4Unspecified(), 0), tracepoint.Listen, tracepoint.Closed),
		}, 0, 60, Server, `null`},
	} {
		at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
		got, err := json.Marshal(bookOf(tt.events).Of(Query{Client: client, Server: server, Start: at(tt.start), End: at(tt.end), First: tt.first}))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v\nwant %s", tt.name, got, err, tt.want)
		}
	}
}

// TestBookIsBounded: sockets, lives of the same ends and packets that were answered are
// forgotten, the oldest first, and what is left hangs together.
func TestBookIsBounded(t *testing.T) {
	b := NewBook()
	b.most = 100
	for i := range 1000 {
		remote := netip.AddrPortFrom(server.Addr(), uint16(i%7+1))
		socket := uint64(i%150 + 1)
		e := change(i, 1, socket, client, remote, tracepoint.Listen, tracepoint.SynRecv)
		b.Add(&e.Event, zero.Add(time.Duration(i)*time.Second), "x")
		e = sent(i, 0, 0, uint64(i+1), client, remote, "NO_SOCKET")
		b.Add(&e.Event, zero.Add(time.Duration(i)*time.Second), "")
		chained := 0
		for is, l := range b.ends {
			for n := 0; l != nil; l = l.older {
				if chained++; l.ends != is {
					t.Fatalf("%v is among %v", l.ends, is)
				}
				if n++; n > maxLives {
					t.Fatalf("more than %d lives of %v", maxLives, is)
				}
			}
		}
		ringed := 0
		for l := b.head.next; l != &b.head; l = l.next {
			ringed++
		}
		if chained != b.Len() || ringed != b.Len() || b.Len() > b.most || len(b.sockets) > b.Len() || len(b.packets) > maxPackets || len(b.answered) != len(b.packets) {
			t.Fatalf("after %d: %d chained, %d in the ring, %d counted, %d sockets, %d packets", i, chained, ringed, b.Len(), len(b.sockets), len(b.packets))
		}
	}
	e := End{}
	for _, r := range []string{"a", "b", "c", "d", "e", "a"} {
		e.drop(r)
	}
	if len(e.Dropped) != maxDropped || e.Dropped[0].Segments != 2 {
		t.Errorf("%+v", e.Dropped)
	}
}

// FuzzBook: events in any order break nothing.
func FuzzBook(f *testing.F) {
	f.Add([]byte{1, 1, 0, 2, 10, 1, 1, 1, 2, 1, 2, 1, 3, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := NewBook()
		b.most = 8
		for ; len(data) >= 5; data = data[5:] {
			e := tracepoint.Event{
				Kind: tracepoint.Kind(data[0]%4 + 1), Socket: uint64(data[1] % 8), Packet: uint64(data[1] >> 4),
				Local: netip.AddrPortFrom(client.Addr(), uint16(data[2]%4)), Remote: netip.AddrPortFrom(client.Addr(), uint16(data[2]>>4%4)),
				Old: tracepoint.State(data[3] % 13), New: tracepoint.State(data[3] >> 4), PID: int(data[4] % 3), Reason: "R",
			}
			at := zero.Add(time.Duration(data[4]) * time.Millisecond)
			b.Add(&e, at, "x")
			b.Of(Query{Client: e.Local, Server: e.Remote, Start: at, End: at, First: Client})
			if b.Len() > b.most {
				t.Fatalf("%d", b.Len())
			}
		}
	})
}

package control

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"lastack/harness/lab/sockstat"
	"lastack/stack"
	"lastack/stack/tunable"
)

// SocketSource has sockets to list; a *stack.Host is one.
type SocketSource interface {
	EachSocket(f func(*stack.Socket) bool)
	SocketCounts() stack.SocketCounts
}

// A list of hundreds of thousands of sockets takes more time than other answers
// may, and its reader may be somebody in front of a pager: readerPatience begins
// anew after each stretch of so many sockets.
const (
	stretch       = 1000
	readerTimeout = 5 * time.Minute
)

// busiest is how many destinations are listed by default, and most the largest number.
const (
	busiest = 10
	most    = 1000
)

// sockets streams every socket, or those in one state, as an array.
func (a *api) sockets(w http.ResponseWriter, r *http.Request) {
	wanted := sockstat.States()
	if name := r.URL.Query().Get("state"); name != "" {
		var err error
		if wanted, err = sockstat.ParseStates(name); err != nil {
			fail(w, http.StatusUnprocessableEntity, "state: "+err.Error())
			return
		}
	}
	out := &array{w: w, stream: http.NewResponseController(w), enc: json.NewEncoder(w)}
	w.Header().Set("Content-Type", "application/json")
	a.Sockets.EachSocket(func(s *stack.Socket) bool {
		if !slices.Contains(wanted, s.State) {
			return true
		}
		return out.add(fromHost(s)) == nil
	})
	// The only error left is a client that is gone.
	_ = out.end()
}

// array writes a JSON array element by element.
type array struct {
	w      io.Writer
	stream *http.ResponseController
	enc    *json.Encoder
	n      int
	err    error
}

func (a *array) add(v any) error {
	if a.n%stretch == 0 {
		a.err = a.stream.SetWriteDeadline(time.Now().Add(readerTimeout))
	}
	lead := ","
	if a.n == 0 {
		lead = "["
	}
	a.n++
	a.write(lead)
	if a.err == nil {
		a.err = a.enc.Encode(v)
	}
	return a.err
}

func (a *array) end() error {
	if a.n == 0 {
		a.write("[")
	}
	a.write("]\n")
	return a.err
}

func (a *array) write(s string) {
	if a.err == nil {
		_, a.err = io.WriteString(a.w, s)
	}
}

// summary counts the sockets.
func (a *api) summary(w http.ResponseWriter, _ *http.Request) {
	c := a.Sockets.SocketCounts()
	reply(w, http.StatusOK, sockstat.Summary{States: c.States, Orphaned: c.Orphaned, IPv4: c.IPv4, IPv6: c.IPv6})
}

// destinations counts the ports taken toward the busiest destinations.
func (a *api) destinations(w http.ResponseWriter, r *http.Request) {
	n := busiest
	if text := r.URL.Query().Get("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > most {
			fail(w, http.StatusUnprocessableEntity, fmt.Sprintf("n: %q is not a number from 1 to %d", text, most))
			return
		}
	}
	reply(w, http.StatusOK, CountPorts(a.Sockets, a.Tunables, nil).Busiest(n))
}

// CountPorts counts the ports that a host's connections take, by destination. each, if it is
// not nil, is called with every socket of the host on the way.
func CountPorts(from SocketSource, set *tunable.Set, each func(*sockstat.Socket)) *sockstat.Ports {
	ports := sockstat.NewPorts(policy(set))
	from.EachSocket(func(s *stack.Socket) bool {
		t := fromHost(s)
		ports.Add(&t)
		if each != nil {
			each(&t)
		}
		return true
	})
	return ports
}

// policy is how the host gives ports out, as its tunables have it now.
func policy(set *tunable.Set) sockstat.Policy {
	lo, hi := set.Ports(tunable.PortRange)
	return sockstat.Policy{
		Lo: lo, Hi: hi, Life: 2 * set.Millis(tunable.MSLms),
		Reuse: int(set.Int(tunable.TWReuse)), ReuseAfter: set.Millis(tunable.TWReuseDelay),
	}
}

func fromHost(s *stack.Socket) sockstat.Socket {
	return sockstat.Socket{
		State: s.State, Local: s.Local, Remote: s.Remote, V6Only: s.V6Only,
		RecvQ: s.RecvQ, SendQ: s.SendQ, Timer: s.Timer, TimerLeftMS: s.TimerLeft.Milliseconds(),
		Retransmissions: s.Retransmissions, Timestamps: s.Timestamps, FastOpen: s.FastOpen, Light: s.Light,
	}
}

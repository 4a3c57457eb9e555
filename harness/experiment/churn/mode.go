package churn

import (
	"strconv"
	"strings"
)

// Mode is one way to make connections: who closes first, how many ports there
// are, and what is done to spare them. [ParseMode] and [Modes] make them.
type Mode struct {
	name string
	// serverFirst has the server send the first FIN, and hold TIME_WAIT.
	serverFirst bool
	// reuse sets net.ipv4.tcp_tw_reuse to 1, and keeps to the pace of one
	// connection per port and second that this allows.
	reuse bool
	// wide doubles the ports.
	wide bool
	// pool is how many connections carry all the requests; 0 is a connection for
	// each request.
	pool int
}

// defaultPool is the size of a pool that was given none.
const defaultPool = 10

// Modes lists all modes, each at its default.
func Modes() []Mode {
	return []Mode{
		{name: "client-first"},
		{name: "server-first", serverFirst: true},
		{name: "keep-alive", pool: 1},
		{name: "pool", pool: defaultPool},
		{name: "tw-reuse", reuse: true},
		{name: "wider", wide: true},
	}
}

// ParseMode reads the name of a mode; "pool" may have a size, as in "pool=20".
func ParseMode(text string) (Mode, error) {
	name, size, sized := strings.Cut(text, "=")
	var names []string
	for _, m := range Modes() {
		names = append(names, m.name)
		if m.name != name {
			continue
		}
		if !sized {
			return m, nil
		}
		n, err := strconv.Atoi(size)
		if name != "pool" || err != nil || n < 1 {
			return Mode{}, invalid("mode %q: only pool takes a number, of connections: pool=%d", text, defaultPool)
		}
		m.pool = n
		return m, nil
	}
	return Mode{}, invalid("there is no mode %q; there are %s", text, strings.Join(names, ", "))
}

// String is the mode as ParseMode reads it.
func (m Mode) String() string {
	if m.name == "pool" {
		return m.name + "=" + strconv.Itoa(m.pool)
	}
	return m.name
}

// ports are those of the client in this mode.
func (m Mode) ports(r Range) (Range, error) {
	if m.wide {
		return r.twice()
	}
	return r, nil
}

// runsOut reports whether the client is to run out of ports: each connection
// leaves one in TIME_WAIT for good.
func (m Mode) runsOut() bool { return !m.serverFirst && !m.reuse && m.pool == 0 }

package churn

import (
	"embed"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lastack/harness/experiment"
)

//go:embed *.yaml
var files embed.FS

var embedded = sync.OnceValue(func() []*experiment.Experiment { return experiment.Embedded(files, "*.yaml") })

// Mode is one way to make connections: who closes first, how many ports there
// are, and what is done to spare them. [ParseMode] and [Modes] make them.
type Mode struct {
	file *experiment.Experiment
	// pool is how many connections carry all the requests; 0 is a connection for
	// each request.
	pool int
}

// Modes lists all modes, each at its default.
func Modes() (all []Mode) {
	for _, name := range []string{"client-first", "server-first", "keep-alive", "pool", "tw-reuse", "wider"} {
		i := slices.IndexFunc(embedded(), func(e *experiment.Experiment) bool { return e.Name == name })
		all = append(all, Mode{embedded()[i], embedded()[i].Load.Pool})
	}
	return all
}

// ParseMode reads the name of a mode; "pool" may have a size, as in "pool=20".
func ParseMode(text string) (Mode, error) {
	name, size, sized := strings.Cut(text, "=")
	var names []string
	for _, m := range Modes() {
		names = append(names, m.file.Name)
		if m.file.Name != name {
			continue
		}
		if !sized {
			return m, nil
		}
		n, err := strconv.Atoi(size)
		if name != "pool" || err != nil || n < 1 {
			return Mode{}, invalid("mode %q: only pool takes a number, of connections: pool=%d", text, m.pool)
		}
		m.pool = n
		return m, nil
	}
	return Mode{}, invalid("there is no mode %q; there are %s", text, strings.Join(names, ", "))
}

// String is the mode as ParseMode reads it.
func (m Mode) String() string {
	if m.file.Name == "pool" {
		return m.file.Name + "=" + strconv.Itoa(m.pool)
	}
	return m.file.Name
}

// wide reports that the mode has twice the ports of the others.
func (m Mode) wide() bool { return m.file.Name == "wider" }

// ports are those of the client in this mode.
func (m Mode) ports(r experiment.Ports) (experiment.Ports, error) {
	if m.wide() {
		return r.Twice()
	}
	return r, nil
}

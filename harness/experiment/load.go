package experiment

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

// LoadSpec makes a client do its steps many times, over connections of which several are
// open at once and which have few ports.
type LoadSpec struct {
	Ports       Ports    `yaml:"ports" need:"yes" doc:"which ports the client has"`
	Connections int      `yaml:"connections" doc:"how many connections are attempted, or requests sent where connections are kept; if left out, three times the ports, or as many as the duration has time for"`
	Rate        float64  `yaml:"rate" doc:"how many are begun per second on average, which makes up for a delay with a burst; as many as possible if left out"`
	Duration    Duration `yaml:"duration" doc:"the time after which none is begun"`
	Workers     int      `yaml:"workers" doc:"how many connections are open at once, but for a pool; 4 if left out, and never more than a tenth of the ports, as each holds one"`
	Pool        int      `yaml:"pool" doc:"how many connections are kept open and share the requests, which are the steps between connect and the first that closes; if left out, each connection carries one"`
	Peer        string   `yaml:"peer" one:"kernel|lastack" doc:"the other side where the kernel is examined: the kernel (if left out) or lastack"`
	Rest        Duration `yaml:"rest" doc:"how long a port is left alone after a connection, as net.ipv4.tcp_tw_reuse needs"`
}

// Bounds of a rate per second, outside of which a time between two connections means
// nothing.
const (
	lowestRate  = 0.001
	highestRate = 1e9
)

// Complete fills in what was left out, and refuses what cannot work.
func (l *LoadSpec) Complete() error {
	if l.Connections < 0 || l.Rate < 0 || l.Duration < 0 || l.Workers < 0 || l.Pool < 0 || l.Rest < 0 {
		return errors.New("the number of connections or workers, the rate and the duration cannot be negative")
	}
	if l.Rate != 0 && !(l.Rate >= lowestRate && l.Rate <= highestRate) {
		return fmt.Errorf("the rate %g is out of range; give %g to %g connections per second", l.Rate, lowestRate, highestRate)
	}
	if err := l.Ports.validate(); err != nil {
		return err
	}
	if l.Pool > l.Ports.Len() {
		return fmt.Errorf("a pool of %d needs %d ports and has %d", l.Pool, l.Pool, l.Ports.Len())
	}
	if l.Pool > 0 && l.Rest > 0 {
		return errors.New("connections that are kept leave no port to rest; give pool or rest")
	}
	if l.Workers == 0 {
		l.Workers = 4
	}
	l.Workers = min(l.Workers, l.Ports.Len()/10)
	if l.Connections == 0 {
		l.Connections = 3 * l.Ports.Len()
		if l.Duration > 0 {
			l.Connections = math.MaxInt
		}
	}
	return nil
}

// loaded reports whether the client is a load.
func (e *Experiment) loaded() bool { return e.Load.Ports != Ports{} }

// validateLoad is about a client that is a load: nothing captures it, so that nothing
// is expected of single connections.
func (d *decoder) validateLoad(e *Experiment) {
	at, given := d.lines["load"]
	if line, there := d.lines["expect.no_port"]; there != given {
		d.fail(max(line, at), "load and expect.no_port belong together; give both or neither")
	}
	if !given {
		if e.Expect.Close == anyClose {
			d.fail(d.lines["expect.close"], "the close may be any only of a load")
		}
		return
	}
	if err := e.Load.Complete(); err != nil {
		d.fail(at, "%v", err)
	}
	if line, there := d.lines["repeat"]; there {
		d.fail(line, "a load repeats its steps by itself; leave repeat out")
	}
	if e.Expect.Close != anyClose {
		d.fail(d.lines["expect.close"], "nothing captures a load; its close is any")
	}
	for _, f := range names(fieldsOf(reflect.TypeFor[Expect]())) {
		line, there := d.lines["expect."+f]
		if there && !slices.Contains([]string{"close", "states", "no_port"}, f) {
			d.fail(line, "a load has no %s; expect of it close: any, states and no_port", f)
		}
	}
	if e.Load.Peer == Lastack && (len(e.Server.Command) > 0 || len(e.Impair) > 0) {
		d.fail(d.lines["load.peer"], "lastack as the peer runs no command, and the host of a rule is the subject; leave out the command or the rules, or make the kernel the peer")
	}
	d.validateLoadSteps(e.Client.Steps, e.Load.Peer == Lastack)
}

func (d *decoder) validateLoadSteps(steps []Step, onLastack bool) {
	if len(steps) == 0 {
		d.fail(d.lines["client"], "a load is made of steps; give the client some")
		return
	}
	for i, s := range steps {
		line := d.lines[fmt.Sprintf("client.steps[%d]", i+1)]
		if s.Fails != 0 || i > 0 && s.Verb == "connect" {
			d.fail(line, "step %q: under a load no step is to fail, and only the first connects", s)
		}
		if s.Verb == "cork" && onLastack {
			d.fail(line, "lastack has no TCP_CORK; make the kernel the peer")
		}
	}
}

// Duration is a time as a file has it.
type Duration time.Duration

const longestLoad = 24 * time.Hour

func (d *Duration) parse(text string) error {
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 || v > longestLoad {
		return fmt.Errorf("%s is not a duration up to %v, such as 20ms or 1.5s", quote(text), longestLoad)
	}
	*d = Duration(v)
	return nil
}

func (Duration) describe() (what, pattern string) {
	return "a duration such as 20ms or 1.5s", `^([0-9.]+(ns|us|ms|s|m|h))+$`
}

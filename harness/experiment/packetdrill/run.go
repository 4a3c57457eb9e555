package packetdrill

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lastack/harness/experiment/packetdrill/script"
)

// Config says how to run a script. The zero value works.
type Config struct {
	// Addresses are the subject's and the peer's; the zero value is DefaultAddresses.
	Addresses Addresses
	// Tolerance is how far a time may be off where the script does not say; 0 stands for
	// none on virtual time, and 4 ms otherwise. In real time it is an eighth of the time
	// since the event before where that is more, unless the script has --tolerance_percent.
	Tolerance time.Duration
	// IPVersion is "ipv4", "ipv6" or "ipv4-mapped-ipv6"; empty leaves it to the script,
	// and to "ipv4" where that says nothing.
	IPVersion string
	// Shell runs a shell command that is no sysctl, in the script's folder. Nil refuses
	// them, SkipShell passes over them.
	Shell     func(ctx context.Context, folder, command string) error
	SkipShell bool
	// AnySYN: the TCP options of the subject's SYN are not compared, as every stack has
	// its own there.
	AnySYN bool
	// Limit is how long a script may take in the subject's time; 0 stands for a day on
	// virtual time, and ten minutes otherwise.
	Limit time.Duration
}

const (
	// realTolerance and realPercent are packetdrill's own.
	realTolerance = 4 * time.Millisecond
	realPercent   = 12.5
	virtualLimit  = 24 * time.Hour
	realLimit     = 10 * time.Minute
	// late is how long after its time the runner still waits for a packet, to say when it
	// came.
	late = 3 * time.Second
	// maxExchange is how many packets and calls an Outcome keeps.
	maxExchange = 1 << 16
)

// Outcome is what came of a script.
type Outcome struct {
	// Err is nil if the script passed, a *Failure if the subject did otherwise than the
	// script says, an *Unable if it could not be run, and anything else if the subject
	// broke.
	Err error
	// Exchange are the packets that went either way and the system calls, as long as it
	// ran, and Notes what the runner passed over.
	Exchange []Exchanged
	Notes    []string
	// Took is how long it took in the subject's time.
	Took time.Duration
}

// Exchanged is a packet of a script's run, or a system call, which has no Data and the time
// at which it returned.
type Exchanged struct {
	At time.Duration // since the script began
	// Sent: the subject sent it; else it was injected.
	Sent bool
	Data []byte
	// Line is that of the event, 0 for a packet that no event asked for.
	Line int
	// Text is the packet as a script would have it.
	Text string

	sent *sent // until the run is over
}

// run is a script under way.
type run struct {
	cfg       Config
	script    *script.Script
	subject   Subject
	out       *Outcome
	version   string
	tolerance time.Duration
	percent   float64       // of the time since the event before, how far a time may be off
	tick      time.Duration // of the subject's timestamps, 0 if they are not checked
	strict    bool          // a segment of the script's is one of the subject's
	partial   int           // bytes that have come of the segment that is waited for
	ports     struct{ bind, connect, next uint16 }

	base time.Duration // the subject's time when the script began
	prev time.Duration // when the event before this one was, by the script
	// arrived: that event was a packet that arrived.
	arrived bool
	// began is when that event really was, and leeway how much earlier than its time a packet
	// may come that it brought about: what the runner has taken since.
	began, leeway time.Duration

	fds     map[int]int // the subject's descriptors by the script's
	conns   []*conn
	cur     *conn // the one that packets without ports are of; nil before the first socket
	env     *script.Env
	blocked *blocked
	queue   []*sent // what the subject sent and no event has had
}

// Run runs a script against a subject, which it does not close. It is for one script: a
// subject that has run one has sockets left.
func Run(ctx context.Context, s *script.Script, subject Subject, cfg Config) *Outcome {
	r := &run{
		cfg: cfg, script: s, subject: subject, out: &Outcome{}, fds: map[int]int{},
		env: &script.Env{Vars: map[string]int64{}},
	}
	r.out.Err = r.all(ctx)
	r.out.Took = r.now()
	r.finish(ctx)
	return r.out
}

func (r *run) all(ctx context.Context) error {
	if err := r.configure(); err != nil {
		return err
	}
	if r.script.Cleanup != nil {
		defer func() { _ = r.command(ctx, r.script.Cleanup) }()
	}
	if r.script.Init != nil {
		if err := r.command(ctx, r.script.Init); err != nil {
			return err
		}
	}
	r.base = r.subject.Now()
	for _, e := range r.script.Events {
		if err := r.event(ctx, e); err != nil {
			return err
		}
	}
	return r.unblock(ctx)
}

// now is how long the script has been running, in the subject's time.
func (r *run) now() time.Duration { return r.subject.Now() - r.base }

// window is when an event may happen.
type window struct{ from, to time.Duration }

func (r *run) window(t script.Time) window {
	switch t.Kind {
	case script.Relative:
		return window{r.prev + t.At, r.prev + t.At}
	case script.AbsoluteRange:
		return window{t.At, t.Until}
	case script.RelativeRange:
		return window{r.prev + t.At, r.prev + t.Until}
	case script.AnyTime:
		return window{r.prev, r.limit()}
	}
	return window{t.At, t.At}
}

// slack is how far the time of an event may be off that begins at from: as packetdrill has
// it, in real time a part of the time since the event before, if that is more.
func (r *run) slack(from time.Duration) time.Duration {
	return max(r.tolerance, time.Duration(float64(from-r.prev)*r.percent/100))
}

func (r *run) limit() time.Duration {
	switch {
	case r.cfg.Limit > 0:
		return r.cfg.Limit
	case r.subject.Virtual():
		return virtualLimit
	}
	return realLimit
}

// anchor moves what relative times count from: in real time that is now, as packetdrill has
// it, so that what the runner and the machine take is nobody's delay. Of packets that
// arrive one after the other, each counts from when the one before it was due.
func (r *run) anchor(e *script.Event) {
	p, ok := e.Action.(*script.Packet)
	arrives := ok && p.Direction == script.Inbound
	r.leeway = 0
	if !r.subject.Virtual() && e.Time.Kind != script.Absolute && e.Time.Kind != script.AbsoluteRange && !(arrives && r.arrived) {
		r.prev = r.now()
		if r.leeway = r.prev - r.began; r.arrived {
			// Handing a packet over takes no time: who was kept from running has not
			// noticed the rest.
			r.leeway = min(r.leeway, r.tolerance)
		}
	}
	r.arrived = arrives
}

func (r *run) event(ctx context.Context, e *script.Event) error {
	r.anchor(e)
	w := r.window(e.Time)
	if w.from > r.limit() {
		return unsupported(e.Pos, "the script goes on for longer than %v", r.limit())
	}
	if err := r.overdue(ctx, w.from); err != nil {
		return err
	}
	if p, ok := e.Action.(*script.Packet); ok && p.Direction == script.Outbound {
		return r.expect(ctx, e, p, w)
	}
	if err := r.subject.Sleep(ctx, r.base+w.from); err != nil {
		return r.broke(e.Pos, err)
	}
	begun := r.prev
	r.prev, r.began = w.from, r.now()
	switch a := e.Action.(type) {
	case *script.Packet:
		return r.inject(ctx, e, a)
	case *script.Syscall:
		return r.call(ctx, e, a, begun)
	case *script.Command:
		err := r.command(ctx, a)
		r.began = r.now() // what it takes is no leeway
		return err
	case *script.Code:
		return r.code(ctx, a)
	}
	return unsupported(e.Pos, "an event of a kind that cannot be run")
}

// broke says where a subject broke. What is about the script already stays as it is.
func (r *run) broke(p script.Pos, err error) error {
	var u *Unable
	var f *Failure
	switch {
	case errors.As(err, &u), errors.As(err, &f):
		return err
	case errors.Is(err, ErrUnsupported):
		return unsupported(p, "%v", err)
	}
	return fmt.Errorf("%s: %w", p, err)
}

// configure reads the script's options.
func (r *run) configure() error {
	if r.cfg.Addresses == (Addresses{}) {
		r.cfg.Addresses = DefaultAddresses()
	}
	r.tolerance = r.cfg.Tolerance
	if !r.subject.Virtual() {
		r.percent = realPercent
		if r.tolerance == 0 {
			r.tolerance = realTolerance
		}
	}
	r.version, r.ports.bind, r.ports.connect, r.ports.next = "ipv4", 8080, 8080, 50000
	for _, o := range r.script.Options {
		if err := r.option(o); err != nil {
			return err
		}
	}
	if r.cfg.IPVersion != "" {
		r.version = r.cfg.IPVersion
	}
	return nil
}

func (r *run) option(o script.Option) error {
	number := func(bits int) (uint64, error) {
		n, err := strconv.ParseUint(o.Value, 0, bits)
		if err != nil {
			return 0, unsupported(o.Pos, "--%s=%s: want a number of at most %d bits", o.Name, o.Value, bits)
		}
		return n, nil
	}
	var n uint64
	var err error
	switch o.Name {
	case "ip_version":
		r.version = o.Value
	case "tolerance_usecs":
		n, err = number(40)
		r.tolerance = time.Duration(n) * time.Microsecond
	case "tolerance_percent":
		if r.percent, err = strconv.ParseFloat(o.Value, 64); err != nil || r.percent < 0 || r.percent > 100 {
			err = unsupported(o.Pos, "--%s=%s: want a number from 0 to 100", o.Name, o.Value)
		}
	case "tcp_ts_tick_usecs":
		n, err = number(32)
		r.tick = time.Duration(n) * time.Microsecond
	case "bind_port":
		n, err = number(16)
		r.ports.bind = uint16(n)
	case "connect_port":
		n, err = number(16)
		r.ports.connect = uint16(n)
	case "strict_segments":
		r.strict = true
	case "local_ip", "remote_ip":
		err = r.address(o)
	}
	return err
}

// note records what the runner passes over, once.
func (r *run) note(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	for _, n := range r.out.Notes {
		if n == s {
			return
		}
	}
	r.out.Notes = append(r.out.Notes, s)
}

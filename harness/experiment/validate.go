package experiment

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"lastack/harness/app"
	"lastack/harness/host/setting"
	"lastack/stack/tunable"
)

var nameSyntax = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const (
	mostClaims = 49
	mostRepeat = 1000
	mostLasts  = 600_000 // ms
	mostRest   = 60_000  // ms
)

// validate finds what no field alone can tell, in a file that is well-formed,
// and fills in what may be left out.
func (d *decoder) validate(e *Experiment) {
	if !nameSyntax.MatchString(e.Name) {
		d.fail(d.lines["name"], "name %s: want lower-case letters, digits and dashes, such as four-way", quote(e.Name))
	}
	if !strings.HasSuffix(strings.TrimSpace(e.Question), "?") {
		d.fail(d.lines["question"], "the question does not end with a question mark")
	}
	if i := slices.IndexFunc(e.Claims, func(n int) bool { return n < 1 || n > mostClaims }); i >= 0 {
		d.fail(d.lines["claims"], "there is no claim %d; they are numbered from 1 to %d", e.Claims[i], mostClaims)
	}
	if e.Skip.Lastack != "" && e.Skip.Kernel != "" {
		d.fail(d.lines["skip"], "neither subject is left; give a reason for one of them")
	}
	if e.Subject == "" {
		e.Subject = "server"
	}
	d.validateRepeat(e)
	d.validateServer(e)
	d.validateClient(e)
	d.validateTunables(e)
	d.validateLoad(e)
	d.validateThrough(e)
	d.validateLasts(e)
	d.validateChecks(e)
	d.validateRest(e)
}

func (d *decoder) validateChecks(e *Experiment) {
	for i, c := range e.Expect.Checks {
		if strings.TrimSpace(c.Run) == "" {
			d.fail(d.lines[fmt.Sprintf("expect.checks[%d]", i+1)], "the check runs nothing")
		}
	}
}

func (d *decoder) validateRepeat(e *Experiment) {
	if line, given := d.lines["repeat"]; given && (e.Repeat < 1 || e.Repeat > mostRepeat) {
		d.fail(line, "repeat is %d; want 1 to %d", e.Repeat, mostRepeat)
	}
	e.Repeat = max(e.Repeat, 1)
}

func (d *decoder) validateServer(e *Experiment) {
	s, line := &e.Server, d.lines["server"]
	if at, given := d.lines["server.port"]; !given {
		s.Port = defaultPort
	} else if s.Port < 1 || s.Port > math.MaxUint16 {
		d.fail(at, "server.port is %d; want 1 to %d", s.Port, math.MaxUint16)
		return
	}
	switch {
	case len(s.Command) == 0 && s.App == "":
		d.fail(line, "nothing serves; give an app or a command")
	case len(s.Command) == 0:
		if _, err := app.New(s.spec(), app.Config{}); err != nil {
			d.fail(line, "%v", err)
		}
	case s.App != "" || len(s.Options) > 0:
		d.fail(line, "the server is an app and a command; give one of them")
	case e.Subject == "server" && e.Skip.Lastack == "":
		d.fail(line, "a command cannot be the subject on lastack, because it knows only the kernel's sockets; say so under skip, lastack")
	}
	if e.Expect.ServerSays != "" && len(s.Command) == 0 {
		d.fail(d.lines["expect.server_says"], "an app says nothing; server_says is for a server that is a command")
	}
}

func (d *decoder) validateRest(e *Experiment) {
	if ms := e.Expect.Rest.MS; d.lines["expect.rest"] > 0 && (ms < 1 || ms > mostRest) {
		d.fail(d.lines["expect.rest.ms"], "the rest is %d ms; want 1 to %d", ms, mostRest)
	}
}

// spec is the server as package app has it.
func (s *Server) spec() app.Spec {
	return app.Spec{Port: uint16(s.Port), Kind: s.App, Options: s.Options}
}

func (d *decoder) validateClient(e *Experiment) {
	c, line := &e.Client, d.lines["client"]
	switch n := c.kinds(); {
	case n == 0:
		d.fail(line, "the client does nothing; give it a command, steps or crafted segments")
	case n > 1:
		d.fail(line, "the client has more than one of command, steps and crafted; give one of them")
	case c.Stdin != "" && len(c.Command) == 0:
		d.fail(line, "stdin is for a command; steps have send")
	case len(c.Crafted) > 0:
		d.validateCrafted(e)
	case len(c.Command) > 0 && e.Subject == "client":
		d.fail(line, "a command cannot be the subject, because it knows only the kernel's sockets; give steps")
	case len(c.Steps) > 0 && c.Steps[0].Verb != "connect":
		d.fail(line, "the first step is %q; a client begins with connect", c.Steps[0])
	}
	for _, s := range c.Steps {
		if s.Verb == "cork" && e.Subject == "client" && e.Skip.Lastack == "" {
			d.fail(line, "lastack has no TCP_CORK; say under skip why it is not run there, or make the server the subject")
		}
	}
}

func (d *decoder) validateTunables(e *Experiment) {
	for _, name := range slices.Sorted(maps.Keys(e.Tunables.Subject)) {
		line := d.lines["tunables.subject."+name]
		if e.Skip.Lastack == "" {
			if err := tunable.NewSet().Set(name, e.Tunables.Subject[name]); err != nil {
				d.fail(line, "%v", setting.Suggest(err))
				continue
			}
		}
		if !strings.HasPrefix(name, "net.") && e.Skip.Kernel == "" {
			d.fail(line, "the kernel has no %s; say under skip, kernel why it is not run there", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Tunables.Peer)) {
		if e.Load.Peer == Lastack && e.Skip.Kernel == "" {
			if err := tunable.NewSet().Set(name, e.Tunables.Peer[name]); err != nil {
				d.fail(d.lines["tunables.peer."+name], "%v", err)
				continue
			}
		}
		if !strings.HasPrefix(name, "net.") {
			d.fail(d.lines["tunables.peer."+name], "the peer is the kernel, which has no %s; its sysctls begin with net.", quote(name))
		}
	}
}

func (d *decoder) validateLasts(e *Experiment) {
	l := &e.Expect.Lasts
	state := e.Expect.States.Server
	if l.Side == "client" {
		state = e.Expect.States.Client
	}
	if l.MS.Max > mostLasts {
		d.fail(d.lines["expect.lasts.ms"], "the range %s has no end that is waited for; end it at %d or less", l.MS, mostLasts)
	}
	switch {
	case l.Side == "":
	case state == "CLOSED":
		d.fail(d.lines["expect.lasts"], "the %s is CLOSED already, by states", l.Side)
	case state == anyState:
		d.fail(d.lines["expect.lasts"], "states must say which state of the %s it is that lasts, and not %s", l.Side, anyState)
	}
}

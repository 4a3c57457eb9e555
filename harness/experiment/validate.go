package experiment

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lastack/harness/app"
	"lastack/stack/tunable"
)

var nameSyntax = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const (
	mostClaims = 49
	mostRepeat = 1000
	mostLasts  = 600_000 // ms
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
	d.validateLasts(e)
	d.validateChecks(e)
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
	if _, err := app.New(e.Server.spec(), app.Config{}); err != nil {
		d.fail(d.lines["server"], "%v", err)
	}
}

// spec is the server as package app has it.
func (s *Server) spec() app.Spec { return app.Spec{Port: port, Kind: s.App, Options: s.Options} }

func (d *decoder) validateClient(e *Experiment) {
	c, line := &e.Client, d.lines["client"]
	switch {
	case len(c.Command) == 0 && len(c.Steps) == 0:
		d.fail(line, "the client does nothing; give it a command or steps")
	case len(c.Command) > 0 && len(c.Steps) > 0:
		d.fail(line, "the client has a command and steps; give one of them")
	case c.Stdin != "" && len(c.Command) == 0:
		d.fail(line, "stdin is for a command; steps have send")
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
				d.fail(line, "%v", err)
				continue
			}
		}
		if !strings.HasPrefix(name, "net.") && e.Skip.Kernel == "" {
			d.fail(line, "the kernel has no %s; say under skip, kernel why it is not run there", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Tunables.Peer)) {
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
	if l.Side != "" && state == "CLOSED" {
		d.fail(d.lines["expect.lasts"], "the %s is CLOSED already, by states", l.Side)
	}
}

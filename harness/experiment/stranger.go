package experiment

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"lastack/harness/app"
	"lastack/stack/tunable"
)

// Stranger is a subject that a file describes: a program with a TCP stack of its own,
// which serves on a TUN or a TAP that lastack makes. The tags are the format.
type Stranger struct {
	Name     string            `yaml:"name" need:"yes" doc:"what the stack is called in results: lower-case letters, digits and dashes, 24 at most"`
	Command  []string          `yaml:"command" doc:"the program and its arguments, with {TUN} or {FD}, {HOST} and others in them (lastack run --help-subject). It runs in the file's folder, once for each attempt"`
	Device   string            `yaml:"device" one:"tun|tap" doc:"what the interface carries: IP packets (tun, if left out) or Ethernet frames (tap)"`
	Serves   []Offer           `yaml:"serves" doc:"what the program serves, and where. Without ports, kinds that it is told by {APP}"`
	Helper   []string          `yaml:"helper" doc:"the program for lastack packetdrill, which makes the system calls of scripts (harness/experiment/packetdrill/PROTOCOL.md), and its arguments, with the same placeholders in them; for scripts alone the file needs neither command nor serves"`
	Ready    Ready             `yaml:"ready" doc:"how one sees that the program is ready; if left out, a SYN to the experiment's port is answered by SYN+ACK"`
	Tunables map[string]string `yaml:"tunables" doc:"settings that the program takes, each NAME: ARGUMENT, where {VALUE} in the argument stands for the value; the argument ends the command in experiments that have the setting"`
	Lacks    []Feature         `yaml:"lacks" doc:"what the stack does not have; experiments that are about it are skipped"`

	// File is where it was read from.
	File string `yaml:"-"`
}

// Ready says how one sees that a program is ready.
type Ready struct {
	Line   string `yaml:"line" doc:"what the program prints once it is ready, or a part of that"`
	Port   int    `yaml:"port" doc:"a port where a SYN is answered by SYN+ACK then"`
	Within wait   `yaml:"within" doc:"how long that may take; 10s if left out"`
}

// Bounds of a Stranger.
const (
	mostName      = 24
	mostFile      = 1 << 20 // bytes
	defaultWithin = 10 * time.Second
	mostWithin    = 5 * time.Minute
)

// appPlaceholder is what stands for an app in a command.
const appPlaceholder = "{APP}"

// ParseStranger reads a subject. The error joins a SyntaxError for each mistake.
func ParseStranger(file string, content []byte) (*Stranger, error) {
	s := &Stranger{File: file}
	err := decode(file, content, reflect.ValueOf(s).Elem(), subjectTop, func(d *decoder) { d.validateStranger(s) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// LoadStranger reads a subject's file.
func LoadStranger(file string) (*Stranger, error) {
	content, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a subject: %w", err)
	}
	return ParseStranger(file, content)
}

// readFile reads a file that a person wrote, which is not a megabyte long.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, mostFile+1))
	if err == nil && len(content) > mostFile {
		err = fmt.Errorf("%s is longer than %d bytes, which no such file is", name, mostFile)
	}
	return content, err
}

// isFile reports whether an argument names a file and not something built in.
func isFile(arg string) bool {
	return strings.Contains(arg, "/") || strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".yml")
}

func (d *decoder) validateStranger(s *Stranger) {
	switch {
	case !nameSyntax.MatchString(s.Name) || len(s.Name) > mostName:
		d.fail(d.lines["name"], "name %s: want lower-case letters, digits and dashes, %d at most, such as my-stack", quote(s.Name), mostName)
	case slices.Contains(Subjects(), s.Name):
		d.fail(d.lines["name"], "%s is a subject that is built in; choose another name", s.Name)
	}
	d.validateHelper(s)
	if d.lines["helper"] != 0 && d.lines["command"] == 0 {
		return // for scripts alone
	}
	if len(s.Command) == 0 || s.Command[0] == "" {
		d.fail(d.lines["command"], "the command is empty; begin it with a program")
	} else if !s.mentions("{TUN}") && !s.mentions("{FD}") {
		d.fail(d.lines["command"], "the command has neither {TUN} nor {FD}, so that the program cannot know which interface to serve on")
	}
	d.validateOffers(s)
	d.validateReady(&s.Ready)
	for _, name := range slices.Sorted(maps.Keys(s.Tunables)) {
		arg := s.Tunables[name]
		line := d.lines["tunables."+name]
		if _, ok := tunable.Lookup(name); !ok {
			d.fail(line, "there is no tunable %s; \"lastack sysctl -a\" lists them", quote(name))
		}
		if !strings.Contains(arg, "{VALUE}") {
			d.fail(line, "tunables.%s is %s; want an argument with {VALUE} in it", name, quote(arg))
		}
	}
}

func (d *decoder) validateHelper(s *Stranger) {
	if line, given := d.lines["helper"]; given && (len(s.Helper) == 0 || s.Helper[0] == "") {
		d.fail(line, "the helper is empty; begin it with a program")
	}
}

func (d *decoder) validateOffers(s *Stranger) {
	line := d.lines["serves"]
	told := s.mentions(appPlaceholder)
	ports := map[uint16]bool{}
	if len(s.Serves) == 0 {
		d.fail(line, "the program serves nothing; name apps, such as 7=echo")
	}
	for i, o := range s.Serves {
		line := d.lines[fmt.Sprintf("serves[%d]", i+1)]
		switch {
		case o.Port == 0 && !told:
			d.fail(line, "%s has no port; write PORT=%s, or put %s into the command", o.Kind, o.Kind, appPlaceholder)
		case o.Port != 0 && told:
			d.fail(line, "%s has a port, and the command has %s, which gives one; leave out either", o, appPlaceholder)
		case o.Port != 0 && ports[o.Port]:
			d.fail(line, "two apps are at port %d", o.Port)
		}
		ports[o.Port] = true
	}
}

func (d *decoder) validateReady(r *Ready) {
	if r.Port < 0 || r.Port > 65535 || d.lines["ready.port"] != 0 && r.Port == 0 {
		d.fail(d.lines["ready.port"], "ready.port is %d; want 1 to 65535", r.Port)
	}
	if r.Line != "" && r.Port != 0 {
		d.fail(d.lines["ready"], "ready has a line and a port; give one of them")
	}
	if r.Within == 0 {
		r.Within = wait(defaultWithin)
	}
}

func (s *Stranger) mentions(placeholder string) bool {
	return slices.ContainsFunc(s.Command, func(arg string) bool { return strings.Contains(arg, placeholder) })
}

// offer is where the program serves an app; ok is false if it does not.
func (s *Stranger) offer(want app.Spec) (at app.Spec, ok bool) {
	for _, o := range s.Serves {
		if o.Kind != want.Kind {
			continue
		}
		if o.Port == 0 {
			return want, true
		}
		if app.Same(app.Spec(o), want) {
			return app.Spec(o), true
		}
	}
	return app.Spec{}, false
}

// dir is the folder in which the program runs.
func (s *Stranger) dir() string { return filepath.Dir(s.File) }

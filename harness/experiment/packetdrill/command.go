package packetdrill

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"lastack/harness/experiment/packetdrill/script"
)

// Lister is a Subject that lists the states of its sockets, in RFC 9293's words with
// underscores ("FIN_WAIT_1"), TIME_WAIT and closed ones included.
type Lister interface {
	States() ([]string, error)
}

// Sheller is a Subject that runs shell commands itself, where it is. It fails with
// ErrUnsupported if it does not, after all.
type Sheller interface {
	Shell(ctx context.Context, folder, command string) error
}

// command runs a shell command of a script's: sysctl lines become the subject's tunables,
// FreeBSD's way to count sockets asks the subject, and others need a shell.
func (r *run) command(ctx context.Context, c *script.Command) error {
	text := strings.TrimSpace(c.Text)
	if settings, ok := sysctls(text); ok {
		for _, s := range settings {
			if err := r.sysctl(c, s[0], s[1]); err != nil {
				return err
			}
		}
		return nil
	}
	if m := sockstat.FindStringSubmatch(text); m != nil {
		return r.countStates(c, m[1], m[2])
	}
	switch {
	case text == "":
		return nil
	case r.cfg.Shell != nil:
		if err := r.shell(ctx, filepath.Dir(c.Pos.File), text); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return &Failure{Pos: c.Pos, Why: fmt.Sprintf("the shell command failed: %v", err), Expected: "`" + c.Text + "`"}
		}
		return nil
	case r.cfg.SkipShell:
		r.note("line %d: passed over the shell command %q", c.Pos.Line, text)
		return nil
	}
	return unsupported(c.Pos, "the shell command %q is no sysctl; --allow-shell runs such, --skip-shell passes over them", text)
}

// shell runs a command where the subject is, if that can be.
func (r *run) shell(ctx context.Context, folder, text string) error {
	if s, ok := r.subject.(Sheller); ok {
		if err := s.Shell(ctx, folder, text); !errors.Is(err, ErrUnsupported) {
			return err
		}
	}
	return r.cfg.Shell(ctx, folder, text)
}

// sysctls are the settings of "sysctl -q name=value ...", with or without flags.
func sysctls(text string) (settings [][2]string, ok bool) {
	text = strings.TrimSuffix(strings.TrimSpace(text), "> /dev/null 2>&1")
	if strings.ContainsAny(text, ";&|<>$()\n") {
		return nil, false
	}
	words := fields(text)
	if len(words) < 2 || words[0] != "sysctl" && words[0] != "/sbin/sysctl" {
		return nil, false
	}
	for _, w := range words[1:] {
		if strings.HasPrefix(w, "-") {
			continue
		}
		name, value, found := strings.Cut(w, "=")
		if !found || name == "" {
			return nil, false
		}
		settings = append(settings, [2]string{name, value})
	}
	return settings, len(settings) > 0
}

// fields cuts a text at blanks outside quotes, and takes the quotes off.
func fields(text string) (words []string) {
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, c := range text {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// foreign are the first parts of the names that only other systems have.
var foreign = []string{"net.inet.", "net.inet6.", "kern.", "net.route."}

func (r *run) sysctl(c *script.Command, name, value string) error {
	for _, prefix := range foreign {
		if strings.HasPrefix(name, prefix) {
			r.note("passed over the tunables of other systems, such as %s", prefix+"*")
			return nil
		}
	}
	err := r.subject.Sysctl(name, value)
	switch {
	case errors.Is(err, ErrNoSysctl):
		r.note("passed over %s: the subject has no such tunable", name)
		return nil
	case err != nil:
		return unsupported(c.Pos, "%v", err)
	}
	return nil
}

// sockstat is how FreeBSD's scripts ask for the state of the connection.
var sockstat = regexp.MustCompile(`^sockstat -[46] -P tcp -s \| grep packetdril \| grep -c ([A-Z_12]+) \| grep ([0-9]+)$`)

func (r *run) countStates(c *script.Command, state, want string) error {
	lister, ok := r.subject.(Lister)
	if !ok {
		return unsupported(c.Pos, "the subject does not list its sockets' states")
	}
	all, err := lister.States()
	if err != nil {
		return r.broke(c.Pos, err)
	}
	n := 0
	for _, s := range all {
		if s == state {
			n++
		}
	}
	if strings.Contains(strconv.Itoa(n), want) {
		return nil
	}
	got := "no sockets"
	if len(all) > 0 {
		got = "sockets in " + strings.Join(all, ", ")
	}
	return &Failure{Pos: c.Pos, Why: fmt.Sprintf("%d sockets are in %s, expected %s", n, state, want), Expected: "`" + c.Text + "`", Got: got}
}

// code runs the statements of a block over the TCP_INFO of the connection's socket.
func (r *run) code(ctx context.Context, c *script.Code) error {
	var info map[string]int64
	var infoErr error
	fetched := false
	r.env.Lookup = func(name string) (int64, bool) {
		if !strings.HasPrefix(name, "tcpi_") {
			return 0, false
		}
		if !fetched {
			fetched = true
			info, infoErr = r.info(ctx, c)
		}
		v, ok := info[name]
		if !ok && infoErr == nil {
			infoErr = unsupported(c.Pos, "%s does not give %s", r.subject.Name(), name)
		}
		return v, ok
	}
	err := c.Run(r.env)
	var assert *script.AssertError
	switch {
	case infoErr != nil:
		return infoErr
	case errors.As(err, &assert):
		why := fmt.Sprintf("%s does not hold", assert.Condition)
		return &Failure{Pos: assert.Pos, Why: why, Expected: assert.Condition, Got: assert.Values}
	case err != nil:
		return unsupported(c.Pos, "%v", err)
	}
	return nil
}

// info is the TCP_INFO of the connection's socket.
func (r *run) info(ctx context.Context, c *script.Code) (map[string]int64, error) {
	if err := r.unblock(ctx); err != nil {
		return nil, err
	}
	fd, ok := 0, false
	if r.cur != nil {
		fd, ok = r.fds[r.cur.fd]
	}
	if !ok {
		return nil, unsupported(c.Pos, "the connection has no socket that TCP_INFO could be asked of")
	}
	if err := r.subject.Start(&Call{Name: "getsockopt", FD: fd, Level: solTCP, Option: tcpInfo}); err != nil {
		return nil, r.broke(c.Pos, err)
	}
	res, err := r.subject.Result(ctx, r.subject.Now()+r.patience(&Call{}))
	switch {
	case err != nil:
		return nil, r.broke(c.Pos, err)
	case res.Return < 0:
		return nil, unsupported(c.Pos, "getsockopt(TCP_INFO) failed with %s", res.Errno)
	case res.Value == nil || res.Value.Info == nil:
		return nil, unsupported(c.Pos, "%s does not give TCP_INFO", r.subject.Name())
	}
	return res.Value.Info, nil
}

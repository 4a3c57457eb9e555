package programs

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"lastack/harness/lab"
)

// here runs in the current namespace.
type here struct{}

func (here) Do(f func() error) error { return f() }

// TestProcess: a program that answers is asked; one that prints no end of lines, an endless
// line, or nothing is given up with what it said.
func TestProcess(t *testing.T) {
	for _, tt := range []struct{ name, script, want string }{
		{"too many lines", "while echo x; do :; done", "printed 20 lines and was not ready"},
		{"an endless line", "while printf 0123456789; do :; done", "too long"},
		{"it ends", "echo no jar >&2; exit 1", "no jar"},
		{"it ends with an escape sequence", `printf '\033[2J' >&2; exit 1`, `"\x1b[2J"`},
	} {
		_, err := start(t.Context(), here{}, "leak.py", "sh", "-c", tt.script)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		}
	}
	p, err := start(t.Context(), here{}, "leak.py", "sh", "-c", "echo port 7; echo ready; read a; echo got $a; exec cat >/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := p.ask(t.Context(), "wait %d", 3); err != nil || answer != "got wait 3" || p.first[0] != "port 7" {
		t.Errorf("%q, %v, %q", answer, err, p.first)
	}
	dir := p.dir
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the source is still there: %v", err)
	}
	if _, err := p.ask(t.Context(), "gc"); err == nil {
		t.Error("a program that has ended answered")
	}
}

// TestProcessCanceled: whoever gives up ends the program, too.
func TestProcessCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := start(ctx, here{}, "leak.py", "sh", "-c", "echo ready; exec cat >/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := p.ask(ctx, "gc"); err == nil {
		t.Error("it answered")
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := need([]jar{{"no-such-jar", "libnone-java"}, {"no-such-jar-either", "libnone-java"}})
	var missing *lab.MissingError
	if !errors.As(err, &missing) || missing.Mend != "sudo apt-get install default-jdk-headless libnone-java" || !strings.Contains(missing.What, " and /usr/share/java/no-such-jar-either.jar are not installed") {
		t.Errorf("%v", err)
	}
	_, err = start(t.Context(), here{}, "leak.py", "python3", "{SOURCE}")
	if !errors.As(err, &missing) || !strings.Contains(missing.Mend, "apt-get install python3") {
		t.Errorf("%v", err)
	}
}

func TestBeginning(t *testing.T) {
	var b beginning
	for range 3 {
		if n, err := b.Write(make([]byte, mostError-1)); n != mostError-1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if len(b.text) != mostError {
		t.Errorf("%d bytes kept", len(b.text))
	}
}

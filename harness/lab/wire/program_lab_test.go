package wire_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
	"lastack/harness/lab/wire"
)

// TestProgram: the program has what the wire is like in its arguments and its interface
// where it looks for it, on a plain wire and behind a router; what it prints is kept, and
// how it ends.
func TestProgram(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, tt := range []struct {
		tap  bool
		name string
	}{{false, "wire0"}, {true, "far0"}} {
		w := raise(t, wire.Config{
			Apart: true, FarLink: "far0", MTU: 1400,
			Subject: wire.Program{
				Command: []string{"sh", "-c", "echo $0 $1 $2 $3 $4; grep -c \"$0:\" /proc/net/dev; readlink /proc/self/fd/3; echo ready; exec sleep 60",
					"{TUN}", "{HOST}", "{PEER}", "{PREFIX}", "{MTU}"},
				TAP: tt.tap, Says: "ready",
			},
		})
		p := w.Far.(*wire.Process)
		await(t, p.Said())
		want := tt.name + " 10.70.0.2 10.70.0.1 24 1400\n1\n"
		if got := p.Output(); !strings.HasPrefix(got, want) || p.Ended() != "" || strings.Contains(got, "net/tun") {
			t.Errorf("it printed %q, want %q; ended: %q", got, want, p.Ended())
		}
		if n := p.Packets(); n != 0 {
			t.Errorf("%d packets of a program that sends none", n)
		}
		if _, err := p.Listen(1); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("listening: %v", err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		await(t, p.Over())
	}
}

// TestProgramEnds: the end of a program is told, with the last that it printed.
func TestProgramEnds(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	w := raise(t, wire.Config{Apart: true, Subject: wire.Program{
		Command: []string{"sh", "-c", "yes line | head -n 5000; readlink /proc/self/fd/{FD}; kill -SEGV $$", "{TUN}"},
	}})
	p := w.Far.(*wire.Process)
	await(t, p.Over())
	if got := p.Output(); len(got) > 4096 || !strings.HasSuffix(got, "line\n/dev/net/tun\n") {
		t.Errorf("%d bytes are kept, that end in %q", len(got), got[max(len(got)-40, 0):])
	}
	if got := p.Ended(); got != "signal: segmentation fault" && got != "signal: segmentation fault (core dumped)" {
		t.Errorf("it ended by %q", got)
	}
}

func TestProgramDoesNotStart(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, name := range []string{"./none", "no-such-program-at-all", "/etc/passwd"} {
		_, err := wire.Raise(t.Context(), wire.Config{
			Apart: true, Link: "wire0", NearAddr: near, FarAddr: far, Subject: wire.Program{Command: []string{name, "{TUN}"}},
		})
		var start *wire.StartError
		if !errors.As(err, &start) || !strings.Contains(err.Error(), "could not be started by "+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("waited for 20 s in vain")
	}
}

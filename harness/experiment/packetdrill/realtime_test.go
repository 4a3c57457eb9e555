package packetdrill_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/script"
)

// slow is a subject in real time, by a clock of the test's, whose every call takes 30 ms. A
// connect sends a SYN some time after it began.
type slow struct {
	packetdrill.Subject
	now    time.Duration
	after  time.Duration
	sent   []packetdrill.Packet
	shells []string
}

const perCall = 30 * time.Millisecond

func (s *slow) Name() string       { return "slow" }
func (s *slow) Virtual() bool      { return false }
func (s *slow) Now() time.Duration { return s.now }
func (s *slow) Sleep(_ context.Context, until time.Duration) error {
	s.now = max(s.now, until)
	return nil
}

func (s *slow) Packet(_ context.Context, until time.Duration) (packetdrill.Packet, error) {
	if len(s.sent) == 0 || s.sent[0].At > until {
		s.now = max(s.now, until)
		return packetdrill.Packet{}, packetdrill.ErrQuiet
	}
	p := s.sent[0]
	s.sent, s.now = s.sent[1:], max(s.now, p.At)
	return p, nil
}

func (s *slow) Start(c *packetdrill.Call) error {
	if c.Name == "connect" {
		a := packetdrill.DefaultAddresses()
		syn := &packet.TCP{IP: packet.IP{Src: a.Local4, Dst: a.Remote4, TTL: 64}, SrcPort: 9, DstPort: 8080, Seq: 77, Flags: 2}
		b, err := syn.Append(nil)
		if err != nil {
			return err
		}
		s.sent = append(s.sent, packetdrill.Packet{At: s.now + s.after, Data: b})
	}
	s.now += perCall
	return nil
}

func (s *slow) Result(context.Context, time.Duration) (*packetdrill.Result, error) {
	return &packetdrill.Result{At: s.now}, nil
}

func (s *slow) Shell(_ context.Context, _, command string) error {
	s.shells = append(s.shells, command)
	s.now += time.Second
	if command == "elsewhere" {
		return packetdrill.ErrUnsupported
	}
	return nil
}

// TestRealTime: what the runner and its calls take is nobody's delay, and an eighth of the
// time since the event before is tolerated, unless the script says otherwise.
func TestRealTime(t *testing.T) {
	const calls = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_RDWR) = 0\n+0 connect(3, ..., ...) = 0\n"
	for name, tt := range map[string]struct {
		after        time.Duration
		script, want string
	}{
		"in the call":                  {0, calls + "+0 > S 0:0(0)", ""},
		"behind it":                    {perCall + 3*time.Millisecond, calls + "+0 > S 0:0(0)", ""},
		"too late":                     {perCall + 5*time.Millisecond, calls + "+0 > S 0:0(0)", "no packet came by 0.094000 s; the next came at 0.095000 s"},
		"an eighth":                    {perCall + 1120*time.Millisecond, calls + "+1 > S 0:0(0)", ""},
		"more than an eighth":          {perCall + 1130*time.Millisecond, calls + "+1 > S 0:0(0)", "no packet came by 1.215000 s"},
		"more than an eighth early":    {perCall + 840*time.Millisecond, calls + "+1 > S 0:0(0)", "too early"},
		"the script's tolerance":       {perCall + 1120*time.Millisecond, "--tolerance_percent=1\n" + calls + "+1 > S 0:0(0)", "no packet came by 1.100000 s"},
		"absolute times are absolute":  {0, calls + "0.5 > S 0:0(0)", "too early"},
		"a range":                      {perCall + 200*time.Millisecond, calls + "+.1~+.2 > S 0:0(0)", ""},
		"a shell command takes a time": {perCall + 1500*time.Millisecond, calls + "+0 `take a second`\n+.5 > S 0:0(0)", ""},
		"which is no excuse":           {perCall, calls + "+0 `take a second`\n+0 > S 0:0(0)", "too early"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := script.Parse("x.pkt", []byte(tt.script), script.Config{})
			if err != nil {
				t.Fatal(err)
			}
			cfg := packetdrill.Config{Shell: func(context.Context, string, string) error { t.Error("the shell ran here"); return nil }}
			o := packetdrill.Run(t.Context(), s, &slow{after: tt.after}, cfg)
			if (o.Err == nil) != (tt.want == "") || o.Err != nil && !strings.Contains(o.Err.Error(), tt.want) {
				t.Errorf("%v, want %q", o.Err, tt.want)
			}
		})
	}
}

// TestShellElsewhere: a subject that does not run a shell command leaves it to the runner.
func TestShellElsewhere(t *testing.T) {
	s, err := script.Parse("dir/x.pkt", []byte("0 `elsewhere`"), script.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var ran string
	subject := &slow{}
	o := packetdrill.Run(t.Context(), s, subject, packetdrill.Config{Shell: func(_ context.Context, folder, command string) error {
		ran = folder + ": " + command
		return nil
	}})
	if o.Err != nil || ran != "dir: elsewhere" || len(subject.shells) != 1 {
		t.Errorf("%v, %q, %q", o.Err, ran, subject.shells)
	}
}

// TestShellTellsItsParent: scripts know the shell's parent, and what a command prints says why it failed.
func TestShellTellsItsParent(t *testing.T) {
	dir := t.TempDir()
	if err := packetdrill.Shell(t.Context(), dir, `[ "$PACKETDRILL_PID" = "$PPID" ] && [ "$(pwd -P)" = "$(cd '`+dir+`' && pwd -P)" ]`); err != nil {
		t.Skip("no shell, or not this one: ", err)
	}
	err := packetdrill.Shell(t.Context(), dir, "yes a word | head -c 100000; exit 3")
	if err == nil || !strings.HasPrefix(err.Error(), "exit status 3: a word a word") || len(err.Error()) > 5000 {
		t.Errorf("%.100v", err)
	}
}

// TestPortOfAnOlderConnection: a connection may have the ports that one before it had.
func TestPortOfAnOlderConnection(t *testing.T) {
	const text = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = 0
+0 > S 0:0(0)
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
+0 connect(4, ..., ...) = 0
+0 > S 0:0(0)
`
	s, err := script.Parse("x.pkt", []byte(text), script.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if o := packetdrill.Run(t.Context(), s, &slow{}, packetdrill.Config{}); o.Err != nil {
		t.Error(o.Err)
	}
}

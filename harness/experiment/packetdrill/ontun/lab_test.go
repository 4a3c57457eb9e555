package ontun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"
	"lastack/harness/experiment/packetdrill/kernelcalls"
	"lastack/harness/experiment/packetdrill/packet"
	"lastack/harness/experiment/packetdrill/suite"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// helpers are what the test binary is when its first argument names one.
var helpers = map[string]func() error{
	"kernel":  func() error { return kernelcalls.Serve(context.Background(), os.Stdin, os.Stdout) },
	"refuser": refuse,
	"mute":    func() error { _, err := io.Copy(io.Discard, os.Stdin); return err },
	"babbler": func() error { fmt.Println("ready"); return nil },
	"dead":    func() error { return errors.New("no \x1b[31mlicence") },
	"dies": func() error {
		return helper.Serve(os.Stdin, os.Stdout, "dies", func(*helper.Request) *helper.Response { os.Exit(7); return nil })
	},
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && helpers[os.Args[1]] != nil {
		if err := helpers[os.Args[1]](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// refuse is the smallest of stacks, on an inherited descriptor of a TUN: it has no
// connections, and a RST for each SYN (RFC 9293, section 3.10.7.1).
func refuse() error {
	dev := os.NewFile(inherited, "tun")
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := dev.Read(b)
			if err != nil {
				return
			}
			t, _, err := packet.Parse(b[:n])
			if err != nil || t == nil {
				continue
			}
			answer := &packet.TCP{IP: packet.IP{Src: t.Dst, Dst: t.Src, TTL: 64}, SrcPort: t.DstPort, DstPort: t.SrcPort, Ack: t.Seq + 1 + uint32(len(t.Payload)), Flags: 0x14}
			if out, err := answer.Append(nil); err == nil {
				_, _ = dev.Write(out)
			}
		}
	}()
	return helper.Serve(os.Stdin, os.Stdout, "refuser", func(r *helper.Request) *helper.Response {
		res := &helper.Response{}
		switch r.Name {
		case "socket":
			res.Return = 3
		case "sysctl":
			res.Return, res.Errno = -1, "EACCES"
		case "bind":
		default:
			res.Return, res.Errno = -1, helper.Unknown
		}
		return res
	})
}

// inside is labtest.Inside, where there are TUNs.
func inside(t *testing.T) bool {
	t.Helper()
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		f.Close()
	} else if os.Getenv(labtest.RequireEnv) != "1" {
		t.Skipf("needs a TUN: %v (sudo chmod 0666 /dev/net/tun)", err)
	}
	return labtest.Inside(t)
}

func config(t *testing.T, name string, args ...string) Config {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Addresses: packetdrill.DefaultAddresses(), Kernel: name == "kernel",
		Helper: append([]string{own, name}, args...),
	}
}

// raise makes a subject for the test.
func raise(t *testing.T, cfg Config) *Subject {
	t.Helper()
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// run runs scripts on subjects of a kind.
func run(t *testing.T, cfg Config, files ...string) []*suite.Result {
	t.Helper()
	lab.RaisePriority()
	results, err := suite.Run(t.Context(), files, suite.Config{
		Jobs: 4, Tries: 5, Run: packetdrill.Config{Tolerance: 20 * time.Millisecond},
		Subject: func(ctx context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
			own := cfg
			own.Addresses = a
			return New(ctx, own)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.pkt")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestKernelPasses: scripts that pass on lastack pass on the kernel, TCP_INFO included.
func TestKernelPasses(t *testing.T) {
	if !inside(t) {
		return
	}
	var files []string
	for _, name := range []string{
		"blocking", "half-close", "icmp-refused", "initial-numbers", "linger-0", "poll", "refused", "rst-inexact",
		"simultaneous-close", "three-way-ipv6", "unread-data", "epoll", "message",
	} {
		files = append(files, filepath.Join("..", "testdata", name+".pkt"))
	}
	files = append(files, write(t, `
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 65535 <mss 1000,nop,wscale 7>
   +0 > S. 0:0(0) ack 1 <...>
 +.02 < . 1:1(0) ack 1 win 257
   +0 accept(3, ..., ...) = 4
   +0 %{ assert tcpi_state == TCP_ESTABLISHED and tcpi_snd_wscale == 7 and tcpi_rcv_wscale > 0 and tcpi_snd_mss == 1000 }%
   +0 < F. 1:1(0) ack 1 win 257
   *  > . 1:1(0) ack 2
   +0 %{ assert tcpi_state == TCP_CLOSE_WAIT }%
`))
	for _, r := range run(t, config(t, "kernel"), files...) {
		if r.Verdict != suite.Pass {
			t.Errorf("%s:%d: %s: %s\nexpected %s\ngot %s", r.File, r.Line, r.Verdict, r.Why, r.Expected, r.Got)
		}
	}
}

// TestKernelFails: and what is not so does not.
func TestKernelFails(t *testing.T) {
	if !inside(t) {
		return
	}
	file := write(t, `
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 < S 0:0(0) win 65535 <mss 1000>
   +0 > S. 0:0(0) ack 1 <mss 1460>
`)
	r := run(t, config(t, "kernel"), file)[0]
	if r.Verdict != suite.Fail || r.Line != 4 || r.Why != "flags: expected S., got R." || r.Tries != 5 {
		t.Errorf("%+v", r)
	}
}

// TestTunablesAreTheNamespaces: a script's sysctl lines and shell commands are about the
// subject's namespace, and no other.
func TestTunablesAreTheNamespaces(t *testing.T) {
	if !inside(t) {
		return
	}
	const name = "net.ipv4.tcp_fin_timeout"
	before, err := lab.ReadSysctl(name)
	if err != nil {
		t.Fatal(err)
	}
	s, other := raise(t, config(t, "kernel")), raise(t, config(t, "kernel"))
	if err := s.Sysctl(name, "7"); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := s.Shell(ctx, ".", `[ "$(cat /proc/sys/net/ipv4/tcp_fin_timeout)" = 7 ] && [ "$PACKETDRILL_PID" = "$PPID" ] && sysctl -qw `+name+`=8`); err != nil {
		t.Error(err)
	}
	if err := s.Shell(ctx, ".", "echo oh; exit 3"); err == nil || err.Error() != "exit status 3: oh" {
		t.Errorf("a shell command that fails: %v", err)
	}
	for ns, want := range map[*lab.Namespace]string{s.ns: "8", other.ns: before} {
		if got, err := ns.ReadSysctl(name); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", name, got, err, want)
		}
	}
	if got, err := lab.ReadSysctl(name); err != nil || got != before {
		t.Errorf("the lab's %s is %s, %v", name, got, err)
	}
	if err := s.Sysctl("net.ipv4.no_such", "1"); !errors.Is(err, packetdrill.ErrNoSysctl) {
		t.Error(err)
	}
	if err := s.Sysctl(name, "x"); err == nil || errors.Is(err, packetdrill.ErrNoSysctl) {
		t.Errorf("a value that the kernel refuses: %v", err)
	}
}

// TestStranger: a program with a stack of its own has the TUN for itself.
func TestStranger(t *testing.T) {
	if !inside(t) {
		return
	}
	passes := write(t, "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 < S 0:3000(3000) win 9 <mss 1000>\n+0 > R. 0:0(0) ack 1457\n")
	unknown := write(t, "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 listen(3, 1) = 0\n")
	got := run(t, config(t, "refuser", "{FD}", "{HOST}", "{MTU}"), passes, unknown)
	if got[0].Verdict != suite.Pass {
		t.Errorf("%+v", got[0])
	}
	if got[1].Verdict != suite.Error || !strings.Contains(got[1].Why, "the helper has no listen") {
		t.Errorf("%+v", got[1])
	}
	s := raise(t, config(t, "refuser", "{FD}"))
	if s.Name() != "refuser" {
		t.Errorf("it is called %q", s.Name())
	}
	if err := s.Shell(t.Context(), ".", "true"); !errors.Is(err, packetdrill.ErrUnsupported) {
		t.Error(err)
	}
	if err := s.Sysctl("net.ipv4.x", "1"); err == nil || !strings.Contains(err.Error(), "EACCES") {
		t.Error(err)
	}
}

// TestBadHelpers: what is wrong with a helper is one line, with its last words quoted.
func TestBadHelpers(t *testing.T) {
	if !inside(t) {
		return
	}
	patience = 300 * time.Millisecond
	none := config(t, "kernel")
	none.Helper = []string{"./no-such-helper"}
	for want, cfg := range map[string]Config{
		"no such file or directory":                                none,
		`printed no {"ready": "NAME"} within 300ms`:                config(t, "mute"),
		`it wrote "ready", which is no line of the protocol`:       config(t, "babbler"),
		`has ended: exit status 1; it printed last: "no \x1b[31ml`: config(t, "dead"),
	} {
		s, err := New(t.Context(), cfg)
		var start *StartError
		if !errors.As(err, &start) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q, want %q", err, want)
		}
		if s != nil {
			t.Error("there is a subject all the same")
		}
	}
	got := run(t, config(t, "dies"), write(t, "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"))
	if got[0].Verdict != suite.Error || !strings.Contains(got[0].Why, "the helper has ended: exit status 7") {
		t.Errorf("%+v", got[0])
	}
}

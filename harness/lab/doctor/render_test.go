package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"lastack/harness/term/golden"

	"github.com/google/go-cmp/cmp"
)

// bare is a machine in a poor state.
var bare = []Check{
	{Name: "kernel", Status: OK, Needed: true, Detail: "Linux 6.18.44 on x86_64", For: "the peer of every experiment"},
	{Name: "/dev/net/tun", Status: Missing, Needed: true, For: "the TUN device",
		Detail: "there is no /dev/net/tun, although the kernel has the driver", Mend: makeTun},
	{Name: "namespaces", Status: Missing, Needed: true, For: "demo, run, churn, bench: a network of their own",
		Detail: "this process may not make user namespaces",
		Mend:   "run it as root with sudo; in a container, start that with --cap-add NET_ADMIN --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined"},
	{Name: "veth", Status: Missing, Needed: true, Detail: "not tried: there is no lab to try it in", For: "experiments with both ends in the kernel"},
	{Name: "IPv6", Status: Missing, Detail: "listen udp [::1]:0: bind: cannot assign requested address", For: "experiments over IPv6; IPv4 does without",
		Mend: "sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0"},
	{Name: "tcpdump", Status: Limited, Detail: "it cannot drop privileges inside a user namespace, where only one user exists; the packet socket is used instead",
		For: "a second witness of what a link carries", Mend: "run as root without a user namespace, or record with the packet socket"},
	{Name: "curl", Status: OK, Needed: true, Detail: "curl 8.5.0", For: "the HTTP client of demo and of experiments"},
	{Name: "netcat", Status: Missing, Needed: true, For: "the client that closes one half of a connection (nc -N)",
		Detail: "no OpenBSD netcat: /home/somebody/with/a/long/name/and/many/directories/bin/nc cannot close one half of a connection (nc -N)", Mend: "sudo apt-get install netcat-openbsd"},
}

func TestRender(t *testing.T) {
	fine := []Check{bare[0], bare[6]}
	for name, checks := range map[string][]Check{"bare": bare, "fine": fine, "limited": {bare[0], bare[5]}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Render(&b, checks); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
					t.Errorf("%d columns: %q", n, line)
				}
			}
			golden.Match(t, filepath.Join("testdata", name+".golden"), b.Bytes())
		})
	}
}

// TestWrappedCommandsStayWhole: taken out of the table and joined as a shell joins
// them, they are what they were.
func TestWrappedCommandsStayWhole(t *testing.T) {
	for _, fix := range []string{makeTun, loadTun, bare[4].Mend, strings.ReplaceAll(makeTun, "sudo ", "")} {
		for width := 40; width < columns; width++ {
			lines := wrap(fix, width, continuation(fix))
			for _, line := range lines {
				if len(line) > max(width, len("net.ipv6.conf.default.disable_ipv6=0")) {
					t.Errorf("width %d: %q", width, line)
				}
			}
			shell := strings.ReplaceAll(strings.Join(lines, "\n"), " \\\n", " ")
			if shell != fix {
				t.Errorf("width %d: a shell reads %q, want %q", width, shell, fix)
			}
		}
	}
}

func TestLacking(t *testing.T) {
	want := []string{"/dev/net/tun", "namespaces", "veth", "netcat"}
	if diff := cmp.Diff(want, names(Lacking(bare))); diff != "" {
		t.Error(diff)
	}
	if got := Lacking([]Check{bare[0], bare[4], bare[5]}); got != nil {
		t.Errorf("%v: optional and limited things do not count", got)
	}
}

func TestJSON(t *testing.T) {
	out, err := json.Marshal(bare[1])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"/dev/net/tun","status":"missing","needed":true,` +
		`"detail":"there is no /dev/net/tun, although the kernel has the driver",` +
		`"mend":"sudo mkdir -p /dev/net \u0026\u0026 sudo mknod -m 0666 /dev/net/tun c 10 200","for":"the TUN device"}`
	if string(out) != want {
		t.Errorf("%s\nwant %s", out, want)
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine(" a\n\tb\x1b[31m  c\x00 ä\n"); got != "a b?[31m c? ä" {
		t.Errorf("%q", got)
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestRenderToAFullDisk(t *testing.T) {
	if err := Render(fullDisk{}, bare); !errors.Is(err, errFull) {
		t.Errorf("%v, want the writer's error", err)
	}
}

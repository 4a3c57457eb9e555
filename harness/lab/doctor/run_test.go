package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"

	"github.com/google/go-cmp/cmp"
)

// needLab skips, or fails where a lab is required, if there is none here.
func needLab(t *testing.T) {
	t.Helper()
	if err := lab.Check(); err != nil {
		if os.Getenv(labtest.RequireEnv) == "1" {
			t.Fatal(err)
		}
		t.Skipf("needs a lab: %v", err)
	}
}

// find returns the check of that name.
func find(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	for _, c := range checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return Check{}
}

func names(checks []Check) []string {
	var all []string
	for _, c := range checks {
		all = append(all, c.Name)
	}
	return all
}

var allNames = []string{
	"kernel", "/dev/net/tun", "namespaces",
	"TUN device", "packet socket", "socket states", "veth", "IPv6", "tcpdump",
	"curl", "netcat", "kernel reasons",
}

// complete checks what holds of every report, on any machine.
func complete(t *testing.T, checks []Check) {
	t.Helper()
	if diff := cmp.Diff(allNames, names(checks)); diff != "" {
		t.Error(diff)
	}
	for _, c := range checks {
		if c.Detail == "" || c.For == "" || len(c.Name) > nameWidth-2 {
			t.Errorf("%+v: not enough, or too much, is said", c)
		}
		if c.Status == OK && c.Mend != "" {
			t.Errorf("%s: works, yet is to be mended: %s", c.Name, c.Mend)
		}
		if c.Status != OK && c.Mend == "" && !strings.HasPrefix(c.Detail, "not tried") {
			t.Errorf("%s: %s, and nothing is said about mending it: %s", c.Name, c.Status, c.Detail)
		}
		t.Logf("%-14s %-7s %s | %s", c.Name, c.Status, c.Detail, c.Mend)
	}
}

// requireOK demands what a machine with a lab has for certain. Whether
// /dev/net/tun lets this user in, and which programs are installed, is up to it.
func requireOK(t *testing.T, checks []Check) {
	t.Helper()
	want := []string{"kernel", "namespaces", "packet socket", "socket states", "veth"}
	if find(t, checks, "/dev/net/tun").Status == OK {
		want = append(want, "TUN device")
	}
	for _, name := range want {
		if c := find(t, checks, name); c.Status == Missing {
			t.Errorf("%s is missing in a lab that works: %s", name, c.Detail)
		}
	}
}

func TestRun(t *testing.T) {
	needLab(t)
	for _, user := range []bool{false, true} {
		name := "as this user"
		if user {
			name = "in a user namespace"
		}
		t.Run(name, func(t *testing.T) {
			before := leftovers(t)
			checks := Run(t.Context(), Options{ProbeArgs: []string{probeArg}, userNamespace: user})
			complete(t, checks)
			requireOK(t, checks)
			if diff := cmp.Diff(before, leftovers(t)); diff != "" {
				t.Errorf("something was left behind:\n%s", diff)
			}
		})
	}
}

// leftovers are the things that Run might leave: descriptors, children, interfaces.
func leftovers(t *testing.T) map[string]any {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	// What the runtime opens once and keeps is no leftover.
	files := 0
	for _, fd := range fds {
		to, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil && !strings.HasPrefix(to, "anon_inode:[event") {
			files++
		}
	}
	children := ""
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		if b, err := os.ReadFile(list); err == nil {
			children += string(b)
		}
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var interfaces []string
	for _, l := range links {
		interfaces = append(interfaces, l.Name)
	}
	return map[string]any{"descriptors": files, "children": children, "interfaces": interfaces}
}

// TestRunWithoutNamespaces runs the doctor where the kernel forbids them.
func TestRunWithoutNamespaces(t *testing.T) {
	needLab(t)
	checks := child(t, forbidArg)
	complete(t, checks)
	ns := find(t, checks, "namespaces")
	if ns.Status != Missing || !strings.Contains(ns.Mend, "sysctl -w user.max_net_namespaces=") {
		t.Errorf("%+v, want it missing, with the sysctl that fixes it", ns)
	}
	for _, tr := range trials() {
		if c := find(t, checks, tr.name); c.Status != Missing || !strings.HasPrefix(c.Detail, "not tried") {
			t.Errorf("%+v, want it missing because there was no lab", c)
		}
	}
	if got := len(Lacking(checks)); got < 5 {
		t.Errorf("%d needed things are missing, want namespaces and what is tried in them", got)
	}
}

// TestProbeWithoutIPv6: the rest works, and IPv6 is said to be missing.
func TestProbeWithoutIPv6(t *testing.T) {
	needLab(t)
	checks := child(t, noIPv6Arg)
	six := find(t, checks, "IPv6")
	if six.Status != Missing || six.Needed || !strings.Contains(six.Mend, "net.ipv6.conf.all.disable_ipv6=0") {
		t.Errorf("%+v, want it missing, with the sysctl that fixes it", six)
	}
	dev := find(t, checks, "TUN device")
	if strings.HasPrefix(dev.Detail, "open ") {
		t.Skipf("needs a TUN device that this user may open: %s", dev.Detail)
	}
	if dev.Status != Limited || !strings.Contains(dev.Detail, "IPv6 is disabled") || dev.Mend == "" {
		t.Errorf("%+v, want it limited to IPv4", dev)
	}
	for _, name := range []string{"packet socket", "socket states", "veth"} {
		if c := find(t, checks, name); c.Status != OK {
			t.Errorf("%+v, want it to work without IPv6", c)
		}
	}
}

// child has the test binary play a role in a lab of an ordinary user.
func child(t *testing.T, role string) []Check {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code, err := lab.Reexec(t.Context(), lab.Options{
		Args: []string{role}, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		LeaveSignals: true, ForceUserNamespace: true,
	})
	if code != 0 || err != nil {
		t.Fatalf("exit status %d, %v\n%s", code, err, &stderr)
	}
	var checks []Check
	if err := json.Unmarshal(stdout.Bytes(), &checks); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	return checks
}

// TestRunWithoutPrograms: an empty PATH is a machine without them.
func TestRunWithoutPrograms(t *testing.T) {
	needLab(t)
	t.Setenv("PATH", t.TempDir())
	checks := Run(t.Context(), Options{ProbeArgs: []string{probeArg}})
	complete(t, checks)
	for name, fix := range map[string]string{
		"curl": "apt-get install curl", "netcat": "apt-get install netcat-openbsd", "tcpdump": "apt-get install tcpdump",
	} {
		c := find(t, checks, name)
		if c.Status != Missing || !strings.HasSuffix(c.Mend, fix) || c.Needed != (name != "tcpdump") {
			t.Errorf("%+v, want it missing, and %q", c, fix)
		}
		// Root may not have sudo, and root of a user namespace is no root here.
		root := os.Geteuid() == 0 && !lab.UserNamespace()
		if strings.HasPrefix(c.Mend, "sudo ") == root {
			t.Errorf("%s: %q, while root is %v", name, c.Mend, root)
		}
	}
}

// TestNetcatOfAnotherKind: one that cannot close half a connection does not count.
func TestNetcatOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho 'usage: nc [-e program] host port' >&2\nexit 1\n"
	for _, name := range []string{"nc", "curl"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if f := netcat(t.Context()); f.status != Missing || !strings.Contains(f.detail, filepath.Join(dir, "nc")) {
		t.Errorf("%+v, want it missing, naming the other netcat", f)
	}
	if f := curl(t.Context()); f.status != Missing || !strings.Contains(f.fix, "--reinstall") {
		t.Errorf("a curl that does not run: %+v", f)
	}
}

// TestRunWhenTheProbeFails: whatever the child does, there is a complete report.
func TestRunWhenTheProbeFails(t *testing.T) {
	needLab(t)
	for arg, want := range map[string]string{
		brokenArg: "ended with status 7: the flux capacitor is empty",
		babbleArg: "gave no result: 1 checks instead of 6",
		hangArg:   "not tried: ",
	} {
		t.Run(arg, func(t *testing.T) {
			ctx := t.Context()
			if arg == hangArg {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 500*time.Millisecond)
				defer cancel()
			}
			checks := Run(ctx, Options{ProbeArgs: []string{arg}})
			complete(t, checks)
			if c := find(t, checks, "veth"); c.Status != Missing || !strings.Contains(c.Detail, want) {
				t.Errorf("%+v, want %q", c, want)
			}
		})
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user has left"))
	checks := Run(ctx, Options{ProbeArgs: []string{probeArg}})
	complete(t, checks)
	for _, c := range checks {
		if c.Status != Missing || !strings.Contains(c.Detail, "the user has left") {
			t.Errorf("%+v, want it not tried, and why", c)
		}
	}
}

func TestProbeOutside(t *testing.T) {
	var out bytes.Buffer
	if err := Probe(t.Context(), &out); !errors.Is(err, lab.ErrOutside) || out.Len() != 0 {
		t.Errorf("%v, %q, want lab.ErrOutside and nothing written", err, &out)
	}
}

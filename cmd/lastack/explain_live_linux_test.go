package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// The ports say how a connection to them ends.
const (
	portClient = 80 // the client closes first
	portServer = 81 // the server closes first
	portAbort  = 82 // the server aborts
	portHalf   = 83 // the client closes its half, and the server answers then
	portNobody = 84
)

var livePorts = []int{portClient, portServer, portAbort, portHalf, portNobody}

// TestExplainLive: every connection of kernel clients and servers is explained as it
// closes, on one interface, on all, and in another namespace with a filter; and what
// tcpdump captured at the same time, and what --write kept, are explained alike.
//
//	this namespace                     far
//	clients  veth-a ==================== veth-b  servers
func TestExplainLive(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skipf("needs tcpdump: %v", err)
	}
	far := liveWire(t)
	serveLive(t, far)
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept.pcapng")
	inside, leave := pathOf(t, far)
	defer leave()

	witness := startWitness(t)
	one := startLive(t, "-i", "veth-a", "--write", kept)
	all := startLive(t, "-i", "any")
	there := startLive(t, "-i", "veth-b", "--netns", inside, "--filter", "tcp port 81")

	const rounds = 10
	for range rounds {
		for _, port := range livePorts {
			visit(t, port)
		}
	}
	want := rounds * len(livePorts)
	rows := one.finish(t, want)
	checkKinds(t, rows, rounds)
	others := map[string][]string{"any": all.finish(t, want), "--write": explainFile(t, kept)}
	if witness != nil {
		if _, err := witness.Stop(t.Context(), capture.Drain{}); err != nil {
			t.Fatal(err)
		}
		others["tcpdump"] = explainFile(t, writeAll(t, witness, filepath.Join(dir, "tcpdump.pcapng")))
	}
	for name, got := range others {
		if !slices.Equal(got, rows) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(rows, "\n"))
		}
	}
	to81 := slices.DeleteFunc(slices.Clone(rows), func(r string) bool { return !strings.Contains(r, ":81,") })
	if got := there.finish(t, rounds); !slices.Equal(got, to81) {
		t.Errorf("filtered:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(to81, "\n"))
	}
}

// startWitness is tcpdump beside the command, or nil where it cannot be used.
func startWitness(t *testing.T) *capture.Tcpdump {
	t.Helper()
	witness, err := capture.StartTcpdump(t.Context(), "veth-a", capture.TcpdumpConfig{})
	var unavailable *capture.UnavailableError
	if errors.As(err, &unavailable) {
		t.Logf("not held against tcpdump: %v", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { witness.Close() })
	return witness
}

// checkKinds holds the verdicts against what servers and clients did.
func checkKinds(t *testing.T, rows []string, rounds int) {
	t.Helper()
	for port, want := range map[int]string{
		// A processor that is busy elsewhere makes four segments of three.
		portClient: "(three|four)-way,client,client", portServer: "(three|four)-way,server,server",
		portAbort: "reset,none,none", portHalf: "four-way,client,client", portNobody: "refused,none,none",
	} {
		n, row := 0, regexp.MustCompile(fmt.Sprintf(":%d,%s,", port, want))
		for _, r := range rows {
			if row.MatchString(r) {
				n++
			}
		}
		if n != rounds {
			t.Errorf("port %d: %d of %d are %s:\n%s", port, n, rounds, want, strings.Join(rows, "\n"))
		}
	}
}

// liveWire joins this namespace to a new one.
func liveWire(t *testing.T) *lab.Namespace {
	t.Helper()
	far, err := lab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	addr := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	if err := lab.Veth(lab.VethConfig{
		A: lab.VethEnd{Addrs: addr("10.9.0.1/24")},
		B: lab.VethEnd{Namespace: far, Addrs: addr("10.9.0.2/24")},
	}); err != nil {
		t.Fatal(err)
	}
	return far
}

// pathOf is a path to a namespace, good until leave is called.
func pathOf(t *testing.T, ns *lab.Namespace) (path string, leave func()) {
	t.Helper()
	is, done := make(chan string), make(chan struct{})
	go func() {
		_ = ns.Do(func() error {
			link, err := os.Readlink("/proc/thread-self")
			if err != nil {
				link = err.Error()
			}
			is <- "/proc/" + link + "/ns/net"
			<-done
			return nil
		})
	}()
	return <-is, func() { close(done) }
}

// serveLive serves the ports in a namespace.
func serveLive(t *testing.T, ns *lab.Namespace) {
	t.Helper()
	for _, port := range livePorts {
		if port == portNobody {
			continue
		}
		var ln net.Listener
		err := ns.Do(func() (err error) {
			ln, err = net.Listen("tcp", "10.9.0.2:"+strconv.Itoa(port))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go answer(c.(*net.TCPConn), port)
			}
		}()
	}
}

func answer(c *net.TCPConn, port int) {
	defer c.Close()
	b := make([]byte, 100)
	_, _ = c.Read(b)
	switch port {
	case portAbort:
		_ = c.SetLinger(0)
		return
	case portHalf:
		_, _ = io.Copy(io.Discard, c)
	}
	_, _ = c.Write(b)
	if port == portServer {
		_ = c.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, c)
}

// visit is one connection, to its end.
func visit(t *testing.T, port int) {
	t.Helper()
	conn, err := net.Dial("tcp", "10.9.0.2:"+strconv.Itoa(port))
	if err != nil {
		if port != portNobody {
			t.Fatal(err)
		}
		return
	}
	c := conn.(*net.TCPConn)
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if port == portHalf {
		_ = c.CloseWrite()
	}
	_, _ = io.ReadFull(c, make([]byte, 100))
	if port == portServer {
		_, _ = io.Copy(io.Discard, c)
	}
}

// TestExplainLiveEnds: --duration ends a capture, with findings in the summary and files
// that follow one another; so does the end of the interface, with a warning.
func TestExplainLiveEnds(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	far := liveWire(t)
	serveLive(t, far)
	dir, text := visited(t)
	for _, want := range []string{":80  three-way, ", ":82  reset, RST from server", "1 of 1 connection to 10.9.0.2:82 was aborted", "(connection 301)", " 301 connections in "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("files %v, %v", left, err)
	}

	part, page := filepath.Join(dir, "part"), filepath.Join(dir, "page.html")
	partial := startExplain(t, "-i", "veth-a", "--partial", part)
	gone := startExplain(t, "-i", "veth-a", "--json", "--report", page)
	visit(t, portAbort)
	if out, err := exec.Command("ip", "link", "del", "veth-a").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if doc := gone.text(t, "lastack: warning: veth-a was removed: the capture ends there"); !regexp.MustCompile(`"warnings":\[("veth-a went down; [^"]*",)?"veth-a was removed`).MatchString(doc) || !strings.Contains(doc, `"dropped":0`) {
		t.Errorf("%s", doc)
	}
	if text := partial.text(t, "lastack: warning: veth-a was removed: the capture ends there"); text != "" {
		t.Errorf("beside a partial: %s", text)
	}
	merged, err := exec.Command(asLastack(t), "explain", "--merge", part).CombinedOutput()
	if err != nil || !strings.Contains(string(merged), ", 1 connection in ") || !strings.Contains(string(merged), "veth-a was removed") {
		t.Errorf("%v: %s", err, merged)
	}
	drawn, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(drawn), "How the connections of veth-a closed") || !strings.Contains(string(drawn), "are not read twice") || strings.Contains(string(drawn), "--ladder") {
		t.Errorf("%v: %s", err, drawn)
	}
}

// visited is a capture of 301 connections that ended by itself: its files and what it said. It
// is longer where a machine is too busy for them to be through before it ends.
func visited(t *testing.T) (dir, text string) {
	t.Helper()
	for d := time.Second; ; d *= 4 {
		dir, begun := t.TempDir(), time.Now()
		r := startExplain(t, "-i", "veth-a", "--duration", d.String(), "--write", filepath.Join(dir, "x"), "--write-size", "64K", "--write-files", "2")
		for range 300 {
			visit(t, portClient)
		}
		visit(t, portAbort)
		took := time.Since(begun)
		if text := r.text(t); took < d {
			return dir, text
		}
		t.Logf("it captured for %v, and the connections took %v", d, took)
	}
}

// TestExplainLiveErrors: what is wrong is said in a line, and nothing is left behind.
func TestExplainLiveErrors(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"-i nope", 2, "no such interface"},
		{"-i lo --netns nope", 2, "open the network namespace nope"},
		{"-i lo --write " + taken, 2, "no file is overwritten"},
		{"-i lo --write /dev/full", 2, "no space left on device"},
		{"-i lo --write " + filepath.Join(dir, "no", "where"), 2, "no such file"},
		{"-i lo --pcapng " + filepath.Join(dir, "no", "where"), 2, "no such file"},
	} {
		out, err := exec.CommandContext(ctx, asLastack(t), append([]string{"explain"}, strings.Fields(tt.args)...)...).CombinedOutput()
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != tt.code || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: %v: %s; want %d, %q", tt.args, err, out, tt.code, tt.want)
		}
	}
	c := exec.CommandContext(ctx, "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", asLastack(t), "explain", "-i", "lo")
	if out, err := c.CombinedOutput(); c.ProcessState == nil {
		t.Logf("without setpriv: %v", err)
	} else if c.ProcessState.ExitCode() != 3 || !strings.Contains(string(out), "CAP_NET_RAW") {
		t.Errorf("without CAP_NET_RAW: %v: %s", err, out)
	}
}

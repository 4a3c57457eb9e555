package monitor

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
	"lastack/harness/lab/sockstat"

	"golang.org/x/sys/unix"
)

// ground is a listener on loopback, and connections to it.
type ground struct {
	t *testing.T
	l net.Listener
}

func newGround(t *testing.T) *ground {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &ground{t, l}
}

// connect returns both ends of a connection, which the test closes at the end.
func (g *ground) connect() (client, server net.Conn) {
	g.t.Helper()
	client, err := net.Dial("tcp4", g.l.Addr().String())
	if err != nil {
		g.t.Fatal(err)
	}
	server, err = g.l.Accept()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}

// closed leaves a connection in TIME_WAIT at the client.
func (g *ground) closed() {
	g.t.Helper()
	c, s := g.connect()
	_ = c.Close()
	if _, err := io.Copy(io.Discard, s); err != nil {
		g.t.Fatal(err)
	}
	_ = s.Close()
	g.wait(c, "TIME_WAIT")
}

// leaked leaves a connection in CLOSE_WAIT at the server.
func (g *ground) leaked() {
	g.t.Helper()
	c, s := g.connect()
	_ = c.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, s); err != nil {
		g.t.Fatal(err)
	}
	g.wait(c, "FIN_WAIT_2")
}

// wait waits for the state of a client's socket.
func (g *ground) wait(c net.Conn, state string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 10*time.Second)
	defer cancel()
	local, remote := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
	if _, err := lab.WaitState(ctx, local, remote, state); err != nil {
		g.t.Fatal(err)
	}
}

func TestKernel(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for key, value := range map[string]string{"ip_local_port_range": "20000 20099", "ip_local_reserved_ports": "20050-20059", "tcp_tw_reuse": "0"} {
		if err := lab.Sysctl("net.ipv4."+key, value); err != nil {
			t.Fatal(err)
		}
	}
	g := newGround(t)
	for range 10 {
		g.closed()
	}
	g.leaked()
	g.connect()
	var k Kernel
	s, err := k.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"LISTEN": 1, "TIME_WAIT": 10, "CLOSE_WAIT": 1, "FIN_WAIT_2": 1, "ESTABLISHED": 2}
	for state, n := range want {
		if s.States[state] != n {
			t.Errorf("%d in %s, want %d", s.States[state], state, n)
		}
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.CloseWait) != 1 || s.CloseWait[0].Name != strings.TrimSpace(string(comm)) || s.CloseWait[0].PID == 0 {
		t.Errorf("CLOSE_WAIT is held by %+v, want this test", s.CloseWait)
	}
	if len(s.Destinations) != 1 {
		t.Fatalf("destinations %+v, want one: accepted connections take no port", s.Destinations)
	}
	d := s.Destinations[0]
	if d.Remote.String() != "127.0.0.1:8080" || d.Ports != 90 || d.Left() != 78 || d.TimeWait != 10 || d.Live != 2 {
		t.Errorf("%+v, want 12 of 90 ports taken", d)
	}
	// Over loopback, 2 lets a port go after a second.
	if err := lab.Sysctl("net.ipv4.tcp_tw_reuse", "2"); err != nil {
		t.Fatal(err)
	}
	if s, err = k.Look(t.Context()); err != nil || s.Destinations[0].HoldMS != 1000 {
		t.Errorf("with tcp_tw_reuse=2: %+v, %v", s, err)
	}
}

// TestTableAgainstSS: what sockstat prints of the kernel's sockets is what ss
// prints of them, up to ss's last column.
func TestTableAgainstSS(t *testing.T) {
	ss, err := exec.LookPath("ss")
	if err != nil {
		t.Skipf("needs ss (sudo apt-get install iproute2): %v", err)
	}
	if !labtest.Inside(t) {
		return
	}
	g := newGround(t)
	g.closed()
	g.leaked()
	c, _ := g.connect()
	if _, err := c.Write(make([]byte, 12345)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		flags  string
		which  sockstat.Which
		filter string
	}{
		{"-tan4", sockstat.All, ""},
		{"-tn4", sockstat.Connections, ""},
		{"-tln4", sockstat.Listening, ""},
		{"-tan4", sockstat.All, "state time-wait"},
		{"-tan4", sockstat.All, "state synchronized exclude established"},
		{"-tan4", sockstat.All, "state big"},
		{"-tan4", sockstat.All, "sport = :8080 and not dst :8080"},
		{"-tan4", sockstat.All, "dst 127.0.0.0/8 and dport != :8080"},
		{"-tn4", sockstat.Connections, "dst 127.0.0.1:8080"},
	} {
		args := append([]string{tt.flags}, strings.Fields(tt.filter)...)
		out, err := lab.Command(t.Context(), ss, args...).Output()
		if err != nil {
			t.Fatalf("ss %v: %v", args, err)
		}
		want := tidy(strings.ReplaceAll(string(out), "Process", ""))
		if got := tidy(table(t, tt.which, tt.filter)); got != want {
			t.Errorf("ss %v prints\n%s\nand sockstat\n%s", args, want, got)
		}
	}
}

// table is the kernel's IPv4 sockets.
func table(t *testing.T, which sockstat.Which, filter string) string {
	t.Helper()
	f, err := sockstat.ParseFilter(strings.Fields(filter), which)
	if err != nil {
		t.Fatal(err)
	}
	all, err := lab.Sockets(unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	out := sockstat.NewTable(&b, sockstat.TableOptions{NoState: f.Single() != ""})
	for i := range all {
		if f.Match(&all[i]) {
			if err := out.Add(&all[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tidy sorts the lines and cuts the blanks at their ends.
func tidy(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestCountersAgainstNstat: lastack reads what nstat reads, by its names.
func TestCountersAgainstNstat(t *testing.T) {
	nstat, err := exec.LookPath("nstat")
	if err != nil {
		t.Skipf("needs nstat (sudo apt-get install iproute2): %v", err)
	}
	if !labtest.Inside(t) {
		return
	}
	g := newGround(t)
	g.closed()
	g.leaked()
	out, err := lab.Command(t.Context(), nstat, "-a", "-s", "-z", "-j").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Kernel map[string]uint64 }
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := lab.Counters()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, n := range got {
		if there, ok := want.Kernel[name]; ok && strings.HasPrefix(name, "Tcp") {
			compared++
			if n != there {
				t.Errorf("%s is %d, and to nstat %d", name, n, there)
			}
		}
	}
	if compared < 50 || got["TcpActiveOpens"] != 2 {
		t.Errorf("%d counters compared; TcpActiveOpens is %d, want 2", compared, got["TcpActiveOpens"])
	}
}

// TestManyHeld: beyond the bound connections in CLOSE_WAIT are only counted.
func TestManyHeld(t *testing.T) {
	var s Sample
	for range MaxHeld + 3 {
		s.hold(Held{})
	}
	if len(s.CloseWait) != MaxHeld || s.Beyond != 3 {
		t.Errorf("%d held and %d beyond", len(s.CloseWait), s.Beyond)
	}
}

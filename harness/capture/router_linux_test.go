package capture_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"

	"golang.org/x/sys/unix"
)

// The kernel forwards real connections between two namespaces, and tcpdump
// records them on one interface, and on all of them while this test follows the
// file it writes:
//
//	client ---- to-client [this namespace] to-server ---- server
//
// On all interfaces each segment is seen coming and going. Without the copies
// it is the capture of one interface.
func TestTcpdumpOnAllInterfacesOfARouter(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client, server := routed(t, ctx)
	hosts := []string{"10.77.2.2", "fd77:2::2"}
	for _, host := range hosts {
		// The first packet waits for its neighbour's address, longer than a
		// copy is looked for.
		talk(t, client, server, host)
	}
	one := record(t, ctx, "to-client")
	all := record(t, ctx, "any")
	for _, host := range hosts {
		talk(t, client, server, host)
	}
	settle(t, ctx, client)
	// A connection to a closed port ends the captures: its reset is the last
	// to come.
	_ = client.Do(func() error {
		c, err := net.Dial("tcp", "10.77.2.2:9")
		if err == nil {
			c.Close()
		}
		return err
	})
	want, _ := untilReset(t, one)
	got, stats := untilReset(t, all)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 20 {
		t.Errorf("on all interfaces %d segments:\n%s\non one %d:\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
	// The copy of the last is not waited for.
	if stats.Duplicates != len(want)-1 {
		t.Errorf("%+v, want %d duplicates", stats, len(want)-1)
	}
}

// routed makes a client and a server on two networks, with this namespace as
// their router.
func routed(t *testing.T, ctx context.Context) (client, server *lab.Namespace) {
	t.Helper()
	for _, key := range []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} {
		if err := lab.Sysctl(key, "1"); err != nil {
			t.Fatal(err)
		}
	}
	host := func(net int, name string) *lab.Namespace {
		ns, err := lab.NewNamespace()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ns.Close() })
		addrs := func(n int) []netip.Prefix {
			return []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.77.%d.%d/24", net, n)), netip.MustParsePrefix(fmt.Sprintf("fd77:%d::%d/64", net, n))}
		}
		err = lab.Veth(lab.VethConfig{
			A:         lab.VethEnd{Name: "to-" + name, Addrs: addrs(1)},
			B:         lab.VethEnd{Name: name, Addrs: addrs(2), Namespace: ns},
			NoOffload: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		err = ns.Do(func() error {
			for _, via := range addrs(1) {
				if out, err := lab.Command(ctx, "ip", "route", "add", "default", "via", via.Addr().String()).CombinedOutput(); err != nil {
					return fmt.Errorf("route by %s: %w: %s", via, err, out)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return ns
	}
	return host(1, "client"), host(2, "server")
}

// record starts tcpdump and follows the file it writes.
func record(t *testing.T, ctx context.Context, iface string) *capture.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), iface)
	// Short records and a large buffer, or tcpdump loses packets.
	cmd := lab.Command(ctx, "tcpdump", "-Z", "root", "-s", "160", "-B", "16384", "--immediate-mode", "-U", "-i", iface, "-w", path, "tcp")
	said := &strings.Builder{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Skipf("no tcpdump to record with: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	for {
		f, err := capture.Open(path, capture.OpenConfig{Follow: true, Stop: ended, Poll: time.Millisecond})
		if err == nil {
			t.Cleanup(func() { f.Close() })
			return f
		}
		select {
		case <-ended:
			t.Skipf("tcpdump records nothing here: %v: %s", err, said)
		default: // the file is not there yet
		}
	}
}

// talk has the client ask and the server answer and close.
func talk(t *testing.T, client, server *lab.Namespace, host string) {
	t.Helper()
	var l net.Listener
	var c net.Conn
	if err := server.Do(func() (err error) { l, err = net.Listen("tcp", net.JoinHostPort(host, "80")); return err }); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answered := make(chan error, 1)
	go func() {
		s, err := l.Accept()
		if err != nil {
			answered <- err
			return
		}
		_, err = io.CopyN(s, s, 20_000)
		s.Close()
		answered <- err
	}()
	if err := client.Do(func() (err error) { c, err = net.Dial("tcp", net.JoinHostPort(host, "80")); return err }); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(make([]byte, 20_000)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, c); n != 20_000 || err != nil {
		t.Fatalf("%d bytes came back: %v", n, err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

// settle waits until the last ACK of every connection has come to the client: on a busy
// machine another processor may hold it while the next connection is made.
func settle(t *testing.T, ctx context.Context, client *lab.Namespace) {
	t.Helper()
	for open := true; open; {
		open = false
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			err := client.Do(func() error {
				all, err := lab.Sockets(family)
				for _, one := range all {
					open = open || one.State != "TIME_WAIT"
				}
				return err
			})
			if err != nil || ctx.Err() != nil {
				t.Fatal(errors.Join(err, ctx.Err()))
			}
		}
	}
}

// untilReset reads all segments up to the reset from port 9.
func untilReset(t *testing.T, f *capture.File) ([]string, capture.SegmentStats) {
	t.Helper()
	// On a busy machine a packet may take longer through the router than the 10 ms within
	// which a copy is looked for otherwise. Nothing here is sent twice within a second
	// that would look like one.
	segments := capture.NewSegments(f, capture.SegmentsConfig{Dedup: capture.DedupConfig{Window: time.Second}})
	var all []string
	for {
		_, s, err := segments.Next()
		if err != nil {
			t.Fatalf("after %d segments: %v; %+v", len(all), err, segments.Stats())
		}
		all = append(all, s.String())
		if s.Src.Port == 9 {
			return all, segments.Stats()
		}
	}
}

package explain_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/explain"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// TestKernelICMP: what the kernel's routes and rules answer with ICMP errors, and what
// the kernel's connect() makes of them, is what the finding says.
//
//	client ---- to-client [this namespace] to-server (MTU 1280) ---- server
//
// The client drops "fragmentation needed": a path MTU black hole.
func TestKernelICMP(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	client, server := between(t, ctx)
	command(t, ctx, "ip", "route", "add", "unreachable", "10.88.0.0/24")
	command(t, ctx, "ip", "route", "add", "prohibit", "10.89.0.0/24")
	want := map[string]struct {
		err  error
		kind explain.FindingKind
		text string
	}{
		"10.88.0.1:80": {syscall.EHOSTUNREACH, explain.FindUnreachable, `10.78.1.1 sent "host unreachable" once`},
		"10.89.0.1:80": {syscall.EHOSTUNREACH, explain.FindUnreachable, `10.78.1.1 sent "prohibited by a filter" once`},
	}
	if _, err := exec.LookPath("nft"); err == nil {
		command(t, ctx, "nft", "add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in tcp dport 81 reject with icmp type port-unreachable")
		want["10.78.1.1:81"] = struct {
			err  error
			kind explain.FindingKind
			text string
		}{syscall.ECONNREFUSED, explain.FindUnreachable, `10.78.1.1 sent "port unreachable" once: the host itself answers so`}
		err := client.Do(func() error {
			out, err := lab.Command(ctx, "nft", "add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in icmp type destination-unreachable icmp code frag-needed drop").CombinedOutput()
			if err != nil {
				return fmt.Errorf("nft: %w: %s", err, out)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	live, err := capture.OpenLive("to-client", capture.LiveConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	for to, w := range want {
		err := client.Do(func() error { _, err := net.Dial("tcp", to); return err })
		if !errors.Is(err, w.err) {
			t.Errorf("connect to %s: %v, want %v", to, err, w.err)
		}
	}
	packets := &packetList{}
	if len(want) == 3 {
		packets.packets = blackHole(t, client, server, live)
		want["10.78.2.2:80"] = struct {
			err  error
			kind explain.FindingKind
			text string
		}{nil, explain.FindPathMTU, `10.78.1.1 sent "fragmentation needed"`}
	} else {
		t.Log("without nft (apt-get install nftables) no port is rejected, and no black hole made")
		if err := live.Stop(); err != nil {
			t.Fatal(err)
		}
		if packets.packets, err = capture.ReadAll(live); err != nil {
			t.Fatal(err)
		}
	}
	a := explain.New(explain.Options{})
	if err := a.ReadAll(packets); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	for to, w := range want {
		found := false
		for _, f := range sum.Findings {
			// Of findings of a sort, one is in words.
			found = found || f.Kind == w.kind && (f.Host == to && strings.Contains(f.Text, w.text) || f.Host != to && strings.Contains(f.Text, to))
		}
		if !found {
			t.Errorf("nothing about %s with %q: %+v", to, w.text, sum.Findings)
		}
	}
}

// blackHole sends more than one segment to a server behind a link with a small MTU, and
// returns the packets up to one that was sent again a second after the first error.
func blackHole(t *testing.T, client, server *lab.Namespace, live *capture.Live) (all []capture.Packet) {
	t.Helper()
	var l net.Listener
	if err := server.Do(func() (err error) { l, err = net.Listen("tcp", "10.78.2.2:80"); return err }); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var c net.Conn
	if err := client.Do(func() (err error) { c, err = net.Dial("tcp", "10.78.2.2:80"); return err }); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	var first time.Time
	for {
		p, err := live.Next()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Clone())
		if first.IsZero() && p.Data[9] == 1 && p.Data[20] == 3 && p.Data[21] == 4 {
			first = p.Time
		}
		if !first.IsZero() && p.Data[0]>>4 == 4 && p.Data[9] == 6 && p.Time.Sub(first) > time.Second {
			return all
		}
	}
}

// between makes a client and a server with this namespace as their router.
func between(t *testing.T, ctx context.Context) (client, server *lab.Namespace) {
	t.Helper()
	if err := lab.Sysctl("net.ipv4.ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	host := func(n int, name string) *lab.Namespace {
		ns, err := lab.NewNamespace()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ns.Close() })
		addr := func(host int) []netip.Prefix {
			return []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.78.%d.%d/24", n, host))}
		}
		err = lab.Veth(lab.VethConfig{
			A: lab.VethEnd{Name: "to-" + name, Addrs: addr(1)}, B: lab.VethEnd{Name: name, Addrs: addr(2), Namespace: ns}, NoOffload: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		err = ns.Do(func() error {
			out, err := lab.Command(ctx, "ip", "route", "add", "default", "via", addr(1)[0].Addr().String()).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return ns
	}
	client, server = host(1, "client"), host(2, "server")
	command(t, ctx, "ip", "link", "set", "to-server", "mtu", "1280")
	return client, server
}

func command(t *testing.T, ctx context.Context, name string, args ...string) {
	t.Helper()
	if out, err := lab.Command(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

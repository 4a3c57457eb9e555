package explain_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

// pathLab is a client, a router and a server.
type pathLab struct {
	t              *testing.T
	client, server *lab.Namespace
	files          [2]string
	watch          [2]*capture.File
	dumps          [2]*lab.Cmd
}

func newPathLab(t *testing.T, ctx context.Context, offload bool) *pathLab {
	l := &pathLab{t: t}
	if err := lab.Sysctl("net.ipv4.ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	if out, err := lab.Command(ctx, "nft", "list", "ruleset").CombinedOutput(); err != nil {
		t.Skipf("no nftables: %v: %s", err, out)
	}
	l.client, l.server = l.host(ctx, 1, "client", !offload), l.host(ctx, 2, "server", true)
	l.record(ctx, 0, l.client, "client")
	l.record(ctx, 1, l.server, "server")
	return l
}

func (l *pathLab) host(ctx context.Context, net int, name string, noOffload bool) *lab.Namespace {
	ns, err := lab.NewNamespace()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { ns.Close() })
	addr := func(n int) []netip.Prefix {
		return []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.77.%d.%d/24", net, n))}
	}
	if err := lab.Veth(lab.VethConfig{
		A: lab.VethEnd{Name: "to-" + name, Addrs: addr(1)}, B: lab.VethEnd{Name: name, Addrs: addr(2), Namespace: ns}, NoOffload: noOffload,
	}); err != nil {
		l.t.Fatal(err)
	}
	if err := ns.Do(func() error {
		return lab.Command(ctx, "ip", "route", "add", "default", "via", addr(1)[0].Addr().String()).Run()
	}); err != nil {
		l.t.Fatal(err)
	}
	return ns
}

// record starts tcpdump, and waits until it records.
func (l *pathLab) record(ctx context.Context, n int, ns *lab.Namespace, iface string) {
	dir := os.Getenv("LASTACK_KEEP_CAPTURES")
	if dir == "" {
		dir = l.t.TempDir()
	}
	l.files[n] = filepath.Join(dir, iface+".pcap")
	cmd := lab.Command(ctx, "tcpdump", "-Z", "root", "-s", "128", "-B", "16384", "--immediate-mode", "-U", "-i", iface, "-w", l.files[n], "tcp")
	said := &strings.Builder{}
	cmd.Stderr = said
	os.Remove(l.files[n])
	if err := ns.Do(cmd.Start); err != nil {
		l.t.Skipf("no tcpdump to record with: %v", err)
	}
	l.dumps[n] = cmd
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	l.t.Cleanup(func() { cmd.Process.Kill(); <-ended })
	for {
		f, err := capture.Open(l.files[n], capture.OpenConfig{Follow: true, Stop: ended, Poll: time.Millisecond})
		if err == nil {
			l.watch[n] = f
			return
		}
		select {
		case <-ended:
			l.t.Skipf("tcpdump records nothing here: %v: %s", err, said)
		default: // the file is not there yet
		}
	}
}

// stop waits until both captures have the RST of port 9.
func (l *pathLab) stop() [2]string {
	for _, f := range l.watch {
		segments := capture.NewSegments(f, capture.SegmentsConfig{})
		for {
			_, s, err := segments.Next()
			if err != nil {
				l.t.Fatalf("before the RST of port 9: %v", err)
			}
			if s.Src.Port == 9 {
				break
			}
		}
		f.Close()
	}
	return l.files
}

func (l *pathLab) load(ctx context.Context, rules string) {
	cmd := lab.Command(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Skipf("nftables has not what the test needs: %v: %s", err, out)
	}
}

// counters are the packets of nftables' named counters.
func (l *pathLab) counters(ctx context.Context) map[string]int {
	out, err := lab.Command(ctx, "nft", "-j", "list", "counters").Output()
	if err != nil {
		l.t.Fatal(err)
	}
	var doc struct {
		Nftables []struct {
			Counter struct {
				Name    string
				Packets int
			}
		}
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		l.t.Fatal(err)
	}
	counters := map[string]int{}
	for _, e := range doc.Nftables {
		if e.Counter.Name != "" {
			counters[e.Counter.Name] = e.Counter.Packets
		}
	}
	return counters
}

const pathBytes = 20_000

// serve answers with as many bytes as are asked with, and closes after the client.
func (l *pathLab) serve(ports ...int) {
	for _, port := range ports {
		var ln net.Listener
		if err := l.server.Do(func() (err error) {
			ln, err = net.Listen("tcp", fmt.Sprintf("10.77.2.2:%d", port))
			return err
		}); err != nil {
			l.t.Fatal(err)
		}
		l.t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = io.CopyN(c, c, pathBytes)
					_, _ = io.Copy(io.Discard, c)
					c.Close()
				}()
			}
		}()
	}
}

// talk makes n connections, ten at a time.
func (l *pathLab) talk(port, n int) {
	var done sync.WaitGroup
	slots := make(chan struct{}, 10)
	for range n {
		slots <- struct{}{}
		done.Go(func() {
			defer func() { <-slots }()
			var c net.Conn
			if err := l.client.Do(func() (err error) {
				c, err = net.Dial("tcp", fmt.Sprintf("10.77.2.2:%d", port))
				return err
			}); err != nil {
				l.t.Errorf("dialling: %v", err)
				return
			}
			defer c.Close()
			if _, err := c.Write(make([]byte, pathBytes)); err != nil {
				l.t.Errorf("asking: %v", err)
			}
			if got, err := io.CopyN(io.Discard, c, pathBytes); err != nil {
				l.t.Errorf("after %d bytes of the answer: %v", got, err)
			}
		})
	}
	done.Wait()
	l.quiet()
}

// quiet waits until nobody closes a connection any more, or has data to send again.
func (l *pathLab) quiet() {
	for deadline := time.After(2 * time.Minute); ; {
		if !l.closing(l.client) && !l.closing(l.server) {
			return
		}
		select {
		case <-deadline:
			l.t.Fatal("the connections do not close")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (l *pathLab) closing(ns *lab.Namespace) (busy bool) {
	if err := ns.Do(func() error {
		all, err := lab.Sockets(unix.AF_INET)
		for _, s := range all {
			busy = busy || slices.Contains([]string{"FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "LAST_ACK", "CLOSE_WAIT"}, s.State) ||
				s.State == "ESTABLISHED" && s.SendQ > 0
		}
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
	return busy
}

func (l *pathLab) refused(port int) {
	_ = l.client.Do(func() error {
		c, err := net.Dial("tcp", fmt.Sprintf("10.77.2.2:%d", port))
		if err == nil {
			c.Close()
			l.t.Errorf("port %d is open", port)
		}
		return err
	})
}

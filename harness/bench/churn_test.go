package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab"
	"lastack/harness/serve"
	"lastack/stack"
	"lastack/stack/link"
	"lastack/tun"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	gtun "gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	clientEnv = "LASTACK_BENCH_CLIENT" // "WORKERS WINDOWS LENGTH": this process is the clients
	roundEnv  = "LASTACK_BENCH_ROUND"  // the same behind "VARIANT ": it is the server, in a lab
	request   = 64
	firstPort = 7000
	ports     = 8 // so that a client port hardly comes back while its TIME_WAIT runs
)

// load is how long how many clients connect; the connections of each window are
// counted.
type load struct {
	workers, windows int
	window           time.Duration
}

func (l load) String() string { return fmt.Sprintf("%d %d %s", l.workers, l.windows, l.window) }

func parseLoad(spec string) (l load, err error) {
	var window string
	if _, err = fmt.Sscan(spec, &l.workers, &l.windows, &window); err == nil {
		l.window, err = time.ParseDuration(window)
	}
	return l, err
}

var (
	kernelAddr = netip.MustParsePrefix("10.99.0.1/24")
	serverAddr = netip.MustParseAddr("10.99.0.2")
)

// TestMain is whichever process of a round it is told to be.
func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(clientEnv) != "":
		err = client(os.Getenv(clientEnv))
	case lab.Inside():
		err = round(os.Getenv(roundEnv))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// client connects as fast as it can and prints how often it succeeded in each
// window.
func client(spec string) error {
	l, err := parseLoad(spec)
	if err != nil {
		return err
	}
	made := make([]atomic.Int64, l.windows)
	var failed, turn atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range l.workers {
		wg.Go(func() {
			for {
				window := int(time.Since(begin) / l.window)
				if window >= l.windows {
					return
				}
				port := firstPort + turn.Add(1)%ports
				if err := exchange(netip.AddrPortFrom(serverAddr, uint16(port)).String()); err != nil {
					failed.Add(1)
					continue
				}
				made[window].Add(1)
			}
		})
	}
	wg.Wait()
	for i := range made {
		fmt.Println(made[i].Load())
	}
	if n := failed.Load(); n > 0 {
		return fmt.Errorf("%d connections failed", n)
	}
	return nil
}

// exchange is one short connection; it ends with the server's FIN.
func exchange(addr string) error {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(make([]byte, request)); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, c)
	if err == nil && n != request {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// answer is the server's side: it closes first.
func answer(c net.Conn) {
	b := make([]byte, request)
	if _, err := io.ReadFull(c, b); err == nil {
		_, _ = c.Write(b)
	}
	_ = c.Close()
}

func accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go answer(c)
	}
}

// variant starts servers on all ports, which end with their process.
type variant struct {
	name  string
	start func() error
}

var variants = []variant{
	{"fdbased", startFDBased}, // the baseline comes first
	{"link", startLink},
	{"lastack", startLastack},
	{"serve", startServe},
}

// startFDBased is plain gVisor as its own examples write it.
func startFDBased() error {
	fd, err := gtun.Open("bench0")
	if err != nil {
		return err
	}
	l, err := netlink.LinkByName("bench0")
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(kernelAddr.String())
	if err != nil {
		return err
	}
	if err := errors.Join(netlink.AddrAdd(l, addr), netlink.LinkSetUp(l)); err != nil {
		return err
	}
	ep, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: 1500})
	if err != nil {
		return err
	}
	return startPlain(ep)
}

// startLink is plain gVisor on lastack's link endpoint.
func startLink() error {
	dev, err := openTUN()
	if err != nil {
		return err
	}
	return startPlain(link.New(dev))
}

func openTUN() (tun.Device, error) {
	return tun.Open(tun.Config{Name: "bench0", Addrs: []netip.Prefix{kernelAddr}})
}

func startPlain(ep netstack.LinkEndpoint) error {
	s := netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := s.CreateNIC(1, ep); err != nil {
		return errors.New(err.String())
	}
	addr := tcpip.AddrFromSlice(serverAddr.AsSlice())
	pa := tcpip.ProtocolAddress{Protocol: header.IPv4ProtocolNumber, AddressWithPrefix: addr.WithPrefix()}
	if err := s.AddProtocolAddress(1, pa, netstack.AddressProperties{}); err != nil {
		return errors.New(err.String())
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	for port := range ports {
		l, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Addr: addr, Port: uint16(firstPort + port)}, ipv4.ProtocolNumber)
		if err != nil {
			return err
		}
		go accept(l)
	}
	return nil
}

func startLastack() error {
	dev, err := openTUN()
	if err != nil {
		return err
	}
	h, err := stack.New(stack.Config{Device: dev, Addrs: []netip.Addr{serverAddr}})
	if err != nil {
		return err
	}
	for port := range ports {
		l, err := h.Listen("tcp", fmt.Sprintf(":%d", firstPort+port))
		if err != nil {
			return err
		}
		go accept(l)
	}
	return nil
}

// startServe is what the command "lastack serve" runs, telling of each close.
func startServe() error {
	cfg := serve.Config{
		TUN: "bench0", KernelAddrs: []netip.Prefix{kernelAddr}, HostAddrs: []netip.Addr{serverAddr},
		Settings: []string{"net.ipv4.tcp_max_tw_buckets=1000000"}, // the default is reached in half a minute
	}
	for port := range ports {
		cfg.Apps = append(cfg.Apps, app.Spec{Port: uint16(firstPort + port), Kind: "server-closes"})
	}
	ready, failed := make(chan struct{}), make(chan error, 1)
	cfg.Ready = func(tun.Device) error { close(ready); return nil }
	go func() { failed <- serve.Run(context.Background(), cfg) }()
	select {
	case <-ready:
		return nil
	case err := <-failed:
		return err
	}
}

// round runs one variant in this process and lab, the clients in another, and
// prints the server's CPU seconds and the connections made in each window.
func round(spec string) error {
	if err := lab.Setup(); err != nil {
		return err
	}
	name, load, _ := strings.Cut(spec, " ")
	i := slices.IndexFunc(variants, func(v variant) bool { return v.name == name })
	if i < 0 {
		return fmt.Errorf("no variant %q", name)
	}
	if err := variants[i].start(); err != nil {
		return err
	}
	before, err := cpuTime()
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), clientEnv+"="+load)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	after, err := cpuTime()
	if err != nil {
		return err
	}
	fmt.Println((after - before).Seconds(), strings.TrimSpace(string(out)))
	return nil
}

// cpuTime is what this process has used so far.
func cpuTime() (time.Duration, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// run is one round in a lab of its own: connections per second in each window,
// and microseconds of the server's CPU for a connection.
func run(b *testing.B, v variant, l load) (rates []float64, cpu float64) {
	var out strings.Builder
	code, err := lab.Reexec(b.Context(), lab.Options{
		Args:   []string{},
		Env:    []string{fmt.Sprintf("%s=%s %s", roundEnv, v.name, l)},
		Stdout: &out,
	})
	if err != nil || code != 0 {
		b.Fatalf("%s: exit status %d, %v", v.name, code, err)
	}
	var total float64
	for i, word := range strings.Fields(out.String()) {
		x, err := strconv.ParseFloat(word, 64)
		if err != nil {
			b.Fatalf("%s said %q: %v", v.name, out.String(), err)
		}
		if i == 0 {
			cpu = x
			continue
		}
		rates = append(rates, x/l.window.Seconds())
		total += x
	}
	if len(rates) != l.windows || total == 0 {
		b.Fatalf("%s said %q", v.name, out.String())
	}
	return rates, cpu * 1e6 / total
}

// BenchmarkChurn reports, as medians, connections per second of each variant,
// the server's CPU time for one, and the ratio of the rate to that of the
// fdbased run in the same round.
func BenchmarkChurn(b *testing.B) {
	for _, workers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			l := load{workers: workers, windows: 1, window: 2 * time.Second}
			rates, cpu := map[string][]float64{}, map[string][]float64{}
			for range b.N {
				for _, v := range variants {
					rate, used := run(b, v, l)
					rates[v.name] = append(rates[v.name], rate[0])
					cpu[v.name] = append(cpu[v.name], used)
				}
			}
			base := rates[variants[0].name]
			for _, v := range variants {
				b.ReportMetric(median(rates[v.name]), v.name+"_conn/s")
				b.ReportMetric(median(cpu[v.name]), v.name+"_cpu-us/conn")
				ratios := make([]float64, len(base))
				for i, r := range rates[v.name] {
					ratios[i] = r / base[i]
				}
				b.ReportMetric(median(ratios), v.name+"/"+variants[0].name)
			}
			b.ReportMetric(0, "ns/op") // says nothing here
		})
	}
}

// BenchmarkSustained churns for half a minute, in which nothing leaves TIME_WAIT:
// how much of its first rate is left to a server that closes first.
func BenchmarkSustained(b *testing.B) {
	l := load{workers: 16, windows: 6, window: 5 * time.Second}
	for range b.N {
		var base float64
		for _, v := range []variant{variants[0], variants[len(variants)-1]} {
			rates, _ := run(b, v, l)
			first, last := rates[0], rates[len(rates)-1]
			mean := 0.0
			for _, r := range rates {
				mean += r / float64(len(rates))
			}
			if base == 0 {
				base = mean
			}
			b.ReportMetric(first, v.name+"_first_conn/s")
			b.ReportMetric(last/first, v.name+"_last/first")
			b.ReportMetric(mean/base, v.name+"/"+variants[0].name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

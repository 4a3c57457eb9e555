package bench

import (
	"context"
	"flag"
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

	"lastack/harness/lab"
	"lastack/stack"
	"lastack/stack/link"
	"lastack/tun"

	"github.com/vishvananda/netlink"
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
	clientEnv = "LASTACK_BENCH_CLIENT" // "SECONDS WORKERS"
	request   = 64
	firstPort = 7000
	ports     = 8 // so that no client port comes back while its TIME_WAIT runs
)

var (
	kernelAddr = netip.MustParsePrefix("10.99.0.1/24")
	serverAddr = netip.MustParseAddr("10.99.0.2")
)

// TestMain is the client process if it is told so, and otherwise runs the
// benchmarks inside a lab.
func TestMain(m *testing.M) {
	if spec := os.Getenv(clientEnv); spec != "" {
		os.Exit(client(spec))
	}
	benching := slices.ContainsFunc(os.Args, func(a string) bool {
		return strings.HasPrefix(a, "-test.bench=") && a != "-test.bench="
	})
	if !benching || lab.Inside() {
		if benching {
			if err := lab.Setup(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(m.Run())
	}
	code, err := lab.Reexec(context.Background(), lab.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// client connects as fast as it can and prints how often it succeeded.
func client(spec string) int {
	f := strings.Fields(spec)
	seconds, _ := strconv.ParseFloat(f[0], 64)
	workers, _ := strconv.Atoi(f[1])
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	var made, failed, turn atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for time.Now().Before(end) {
				port := firstPort + turn.Add(1)%ports
				if err := exchange(netip.AddrPortFrom(serverAddr, uint16(port)).String()); err != nil {
					failed.Add(1)
					continue
				}
				made.Add(1)
			}
		})
	}
	wg.Wait()
	fmt.Println(made.Load(), failed.Load())
	return 0
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

func serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go answer(c)
	}
}

// variant starts servers on all ports and returns what ends them.
type variant struct {
	name  string
	start func(b *testing.B) (stop func())
}

var variants = []variant{
	{"fdbased", startFDBased}, // the baseline comes first
	{"link", startLink},
	{"lastack", startLastack},
}

var only = flag.String("only", "", "benchmark this variant alone, for a profile")

// startFDBased is plain gVisor as its own examples write it.
func startFDBased(b *testing.B) func() {
	fd, err := gtun.Open("bench0")
	if err != nil {
		b.Fatal(err)
	}
	l, err := netlink.LinkByName("bench0")
	if err != nil {
		b.Fatal(err)
	}
	addr, err := netlink.ParseAddr(kernelAddr.String())
	if err != nil {
		b.Fatal(err)
	}
	if err := netlink.AddrAdd(l, addr); err != nil {
		b.Fatal(err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		b.Fatal(err)
	}
	ep, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: 1500})
	if err != nil {
		b.Fatal(err)
	}
	stop := startPlain(b, ep)
	return func() {
		stop()
		if err := netlink.LinkDel(l); err != nil {
			b.Error(err)
		}
	}
}

// startLink is plain gVisor on lastack's link endpoint.
func startLink(b *testing.B) func() {
	ep := link.New(openTUN(b))
	stop := startPlain(b, ep)
	return func() { ep.Close(); stop() }
}

func openTUN(b *testing.B) tun.Device {
	dev, err := tun.Open(tun.Config{Name: "bench0", Addrs: []netip.Prefix{kernelAddr}})
	if err != nil {
		b.Fatal(err)
	}
	return dev
}

func startPlain(b *testing.B, ep netstack.LinkEndpoint) func() {
	s := netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := s.CreateNIC(1, ep); err != nil {
		b.Fatal(err)
	}
	addr := tcpip.AddrFromSlice(serverAddr.AsSlice())
	pa := tcpip.ProtocolAddress{Protocol: header.IPv4ProtocolNumber, AddressWithPrefix: addr.WithPrefix()}
	if err := s.AddProtocolAddress(1, pa, netstack.AddressProperties{}); err != nil {
		b.Fatal(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	for port := range ports {
		l, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: 1, Addr: addr, Port: uint16(firstPort + port)}, ipv4.ProtocolNumber)
		if err != nil {
			b.Fatal(err)
		}
		go serve(l)
	}
	return func() { s.Close() }
}

func startLastack(b *testing.B) func() {
	h, err := stack.New(stack.Config{Device: openTUN(b), Addrs: []netip.Addr{serverAddr}})
	if err != nil {
		b.Fatal(err)
	}
	for port := range ports {
		l, err := h.Listen("tcp", fmt.Sprintf(":%d", firstPort+port))
		if err != nil {
			b.Fatal(err)
		}
		go serve(l)
	}
	return func() {
		if err := h.Close(); err != nil {
			b.Error(err)
		}
	}
}

// load runs the client process and returns connections per second.
func load(b *testing.B, seconds float64, workers int) float64 {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%g %d", clientEnv, seconds, workers))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var made, failed float64
	if _, err := fmt.Sscan(string(out), &made, &failed); err != nil {
		b.Fatalf("client said %q: %v", out, err)
	}
	if failed > 0 {
		b.Errorf("%g of %g connections failed", failed, made+failed)
	}
	return made / seconds
}

// BenchmarkChurn reports connections per second of each variant, and the median
// of its ratio to the fdbased run of the same round.
func BenchmarkChurn(b *testing.B) {
	for _, workers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			variants := slices.DeleteFunc(slices.Clone(variants), func(v variant) bool {
				return *only != "" && v.name != *only
			})
			rates := make([][]float64, len(variants))
			for range b.N {
				for i, v := range variants {
					stop := v.start(b)
					rates[i] = append(rates[i], load(b, 2, workers))
					stop()
				}
			}
			for i, v := range variants {
				b.ReportMetric(median(rates[i]), v.name+"_conn/s")
				if i == 0 {
					continue
				}
				ratios := make([]float64, len(rates[i]))
				for round := range ratios {
					ratios[round] = rates[i][round] / rates[0][round]
				}
				b.ReportMetric(median(ratios), v.name+"/fdbased")
			}
			b.ReportMetric(0, "ns/op") // says nothing here
		})
	}
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

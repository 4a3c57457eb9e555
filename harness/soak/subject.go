package soak

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"lastack/harness/lab"
	"lastack/stack"
	"lastack/tun"

	"golang.org/x/sys/unix"
)

const afInet = unix.AF_INET

// The subjects.
const (
	Kernel  = "kernel"
	GVisor  = "gvisor"
	Lastack = "lastack"
)

// Subjects are all of them.
func Subjects() []string { return []string{Kernel, GVisor, Lastack} }

func findSubject(name string) (func(*ground) error, error) {
	raises := []func(*ground) error{raiseKernel, raiseGVisor, raiseLastack}
	i := slices.Index(Subjects(), name)
	if i < 0 {
		return nil, fmt.Errorf("there is no subject %q; there are %v", name, Subjects())
	}
	return raises[i], nil
}

// raiseKernel is the kernel in a namespace of its own behind a virtual cable.
// Without offload, as a lost packet is then one segment with every subject.
func raiseKernel(g *ground) error {
	ns, err := g.kernelServer()
	if err != nil {
		return err
	}
	return lab.Veth(lab.VethConfig{
		A:         lab.VethEnd{Name: linkName, Addrs: []netip.Prefix{kernelPrefix}},
		B:         lab.VethEnd{Namespace: ns, Name: linkName, Addrs: []netip.Prefix{hostPrefix}},
		NoOffload: true,
	})
}

// kernelServer makes a namespace whose kernel is the subject.
func (g *ground) kernelServer() (*lab.Namespace, error) {
	ns, err := lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	g.atEnd(ns.Close)
	g.listen = func(port uint16) (l net.Listener, err error) {
		lc := net.ListenConfig{KeepAlive: -1} // nor does lastack send probes
		lc.SetMultipathTCP(false)             // Go's listeners offer it by default
		err = ns.Do(func() error {
			l, err = lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(hostAddr, port).String())
			return err
		})
		return l, err
	}
	g.sockets = func() (s []Socket, err error) {
		err = ns.Do(func() error {
			s, err = kernelSockets()
			return err
		})
		return s, err
	}
	return ns, nil
}

// raiseLastack is lastack's host on a TUN.
func raiseLastack(g *ground) error {
	dev, err := tun.Open(tun.Config{Name: linkName, Addrs: []netip.Prefix{kernelPrefix}})
	if err != nil {
		return err
	}
	h, err := stack.New(stack.Config{Device: dev, Addrs: []netip.Addr{hostAddr}})
	if err != nil {
		return err
	}
	g.onHost(h)
	return nil
}

// onHost makes a host the subject. close ends it.
func (g *ground) onHost(h *stack.Host) {
	quiet()
	g.atEnd(h.Close)
	g.listen = func(port uint16) (net.Listener, error) { return h.Listen("tcp", fmt.Sprintf(":%d", port)) }
	g.sockets = func() ([]Socket, error) { return hostSockets(h), h.Err() }
}

// hostSockets lists a host's live sockets.
func hostSockets(h *stack.Host) []Socket {
	var live []Socket
	h.EachSocket(func(k *stack.Socket) bool {
		s := Socket{State: k.State, Local: k.Local, Remote: k.Remote, Note: fmt.Sprintf("recv-q %d", k.RecvQ)}
		if s.live() {
			live = append(live, s)
		}
		return k.State != "TIME_WAIT" // these come last, and are many
	})
	return live
}

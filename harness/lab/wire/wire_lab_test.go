package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab/forward"
	"lastack/harness/lab/labtest"
	"lastack/harness/lab/wire"
	"lastack/stack/closepath"
	"lastack/stack/impair"
	"lastack/stack/link"
	"lastack/stack/tunable"
)

var (
	near = netip.MustParsePrefix("10.70.0.1/24")
	far  = netip.MustParseAddr("10.70.0.2")
	echo = app.Spec{Port: 7, Kind: "echo"}
)

func raise(t *testing.T, c wire.Config) *wire.Wire {
	t.Helper()
	c.Link, c.NearAddr, c.FarAddr = "wire0", near, far
	// On a busy machine a last ACK may go out twice, and draw a RST, which would end TIME_WAIT.
	keep := map[string]string{"net.ipv4.tcp_rfc1337": "1"}
	if c.NearSettings == nil {
		c.NearSettings = keep
	}
	switch c.Subject.(type) {
	case wire.Kernel, wire.Lastack:
		if c.FarSettings == nil {
			c.FarSettings = keep
		}
	}
	w, err := wire.Raise(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// exchange has from connect to a server on the other side, which echoes and closes;
// both sides then are asked where the connection is.
func exchange(t *testing.T, w *wire.Wire, from, to wire.Side) {
	t.Helper()
	if err := w.Serve(to, echo); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var c wire.Conn
	err := from.Do(func() (err error) {
		c, err = from.Dial(ctx, netip.AddrPortFrom(to.Addr(), echo.Port), 0, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c)
	local, remote := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
	for state := ""; state != "CLOSED"; {
		if state, err = to.State(remote, local); err != nil || ctx.Err() != nil {
			t.Fatalf("the server is %s, %v", state, err)
		}
	}
	if state, err := from.State(local, remote); err != nil || state != "TIME_WAIT" {
		t.Errorf("the client is %s, %v", state, err)
	}
	waits, live, err := from.Count()
	if err != nil || waits != 1 || live != 0 {
		t.Errorf("the client counts %d in TIME_WAIT and %d others, %v", waits, live, err)
	}
	all, err := to.Sockets()
	if err != nil || len(all) != 1 || all[0].State != "LISTEN" {
		t.Errorf("the server has %+v, %v", all, err)
	}
}

// talk sends, half-closes and reads the echo up to its end.
func talk(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = c.Write([]byte("hello"))
	_ = c.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, []byte("hello")) {
		t.Fatalf("the echo is %q, %v", got, err)
	}
	_ = c.Close()
}

// TestBothWays: either side of either subject is a client and a server, and the
// tap and the rules work on each, with the near end in either kind of namespace.
func TestBothWays(t *testing.T) {
	rule, err := impair.Parse("drop the 1st FIN from host")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]wire.Subject{"kernel": wire.Kernel{}, "lastack": wire.Lastack{}} {
		for _, bad := range []bool{false, true} {
			for _, back := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, impaired %v, as the client %v", name, bad, back), func(t *testing.T) {
					if !labtest.Inside(t) {
						return
					}
					var hits atomic.Int64
					c := wire.Config{Subject: s, Apart: back}
					if bad {
						c.Impairments = []impair.Rule{rule}
						c.Tap = func(e *closepath.Event) {
							if e.Kind == closepath.Impaired {
								hits.Add(1)
							}
						}
					}
					w := raise(t, c)
					if w.Host != nil != (name == "lastack") {
						t.Errorf("Host is %v", w.Host)
					}
					from, to := w.Near, w.Far.(wire.Side)
					if back {
						from, to = to, from
					}
					exchange(t, w, from, to)
					if got := hits.Load() > 0; got != bad {
						t.Errorf("%d segments fell to a rule", hits.Load())
					}
				})
			}
		}
	}
}

// TestGVisor: plain gVisor serves, and has no settings.
func TestGVisor(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	w := raise(t, wire.Config{Subject: wire.GVisor{}})
	if err := w.Serve(w.Far, echo); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", netip.AddrPortFrom(far, echo.Port).String())
	if err != nil {
		t.Fatal(err)
	}
	if all, err := w.Far.Sockets(); err != nil || len(all) != 1 || !all[0].Live() {
		t.Errorf("gVisor has %+v, %v", all, err)
	}
	talk(t, c)
	_, err = wire.Raise(t.Context(), wire.Config{
		Subject: wire.GVisor{}, Apart: true, Link: "wire1", NearAddr: near, FarAddr: far, FarSettings: map[string]string{"a": "b"},
	})
	var bad *wire.SettingError
	if !errors.As(err, &bad) || bad.Near || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a setting of gVisor's: %v", err)
	}
}

// TestJoin: what is between the ends carries all packets, and is closed.
func TestJoin(t *testing.T) {
	for name, s := range map[string]wire.Subject{"kernel": wire.Kernel{}, "lastack": wire.Lastack{}} {
		t.Run(name, func(t *testing.T) {
			if !labtest.Inside(t) {
				return
			}
			j := &joint{}
			w := raise(t, wire.Config{Subject: s, Join: j.join})
			exchange(t, w, w.Near, w.Far.(wire.Side))
			if err := w.Close(); err != nil || j.closed != 1 {
				t.Errorf("closed %d times, %v", j.closed, err)
			}
			if _, err := net.InterfaceByName("wire0"); err == nil {
				t.Error("the link is still there")
			}
		})
	}
}

// joint is a Join that counts.
type joint struct {
	io.Closer
	closed int
}

func (j *joint) join(near, far link.Device) (_ io.Closer, err error) {
	j.Closer, err = forward.New(forward.Config{Host: far, Peer: near})
	return j, err
}

func (j *joint) Close() error { j.closed++; return j.Closer.Close() }

// TestSettings: both sides' are made, and one that is not there is told.
func TestSettings(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	reuse, none := map[string]string{"net.ipv4.tcp_tw_reuse": "1"}, map[string]string{"net.ipv4.no_such": "1"}
	for _, s := range []wire.Subject{wire.Lastack{}, wire.Kernel{}} {
		w := raise(t, wire.Config{Subject: s, Apart: true, NearSettings: reuse, FarSettings: reuse})
		if w.Host != nil {
			if v := w.Host.Tunables().Int(tunable.TWReuse); v != 1 {
				t.Errorf("lastack has %d", v)
			}
		}
		_, err := wire.Raise(t.Context(), wire.Config{Subject: s, Apart: true, NearAddr: near, FarAddr: far, NearSettings: none})
		var bad *wire.SettingError
		if !errors.As(err, &bad) || !bad.Near || bad.Name != "net.ipv4.no_such" || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a setting that is not there: %v", err)
		}
	}
}

// TestClose: everything ends in its order, once, and every error is told.
func TestClose(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	w, err := wire.Raise(t.Context(), wire.Config{Subject: wire.Lastack{}, Link: "wire0", NearAddr: near, FarAddr: far})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, name := range []string{"second", "first"} {
		w.AtEnd(func() error { order = append(order, name); return errors.New(name) })
	}
	w.Go(func() error { <-w.Context().Done(); order = append(order, "task"); return os.ErrDeadlineExceeded })
	err = w.Close()
	if again := w.Close(); again != err {
		t.Errorf("again: %v", again)
	}
	if got := strings.Join(order, " "); got != "task first second" {
		t.Errorf("ended %s", got)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "first\nsecond") {
		t.Errorf("errors %v", err)
	}
	if _, err := net.InterfaceByName("wire0"); err == nil {
		t.Error("the link is still there")
	}
}

func TestValidate(t *testing.T) {
	for want, c := range map[string]wire.Config{
		"Config.Subject is nil": {NearAddr: near, FarAddr: far},
		"Config.FarAddr":        {Subject: wire.Kernel{}, NearAddr: near, FarAddr: netip.MustParseAddr("10.71.0.2")},
	} {
		if _, err := wire.Raise(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

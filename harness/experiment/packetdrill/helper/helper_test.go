package helper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
)

// pair is a client and a helper that answers with do.
func pair(t *testing.T, do func(*Request) *Response) *Client {
	t.Helper()
	toHelper, fromClient := io.Pipe()
	toClient, fromHelper := io.Pipe()
	served := make(chan error, 1)
	go func() {
		err := Serve(toHelper, fromHelper, "a test", do)
		fromHelper.CloseWithError(err)
		served <- err
	}()
	t.Cleanup(func() {
		fromClient.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	c := NewClient(toClient, fromClient)
	if name, err := c.Ready(t.Context(), time.Minute); name != "a test" || err != nil {
		t.Fatalf("%q, %v", name, err)
	}
	return c
}

func TestACallReachesTheHelperAsItIs(t *testing.T) {
	n := int64(-7)
	call := packetdrill.Call{
		Name: "connect", FD: 3, Domain: 2, Type: 1, Protocol: 6, Backlog: 1, Count: 9, Flags: 64, How: 1, Command: 4, Argument: 1 << 40, Level: 6, Option: 11,
		Addr:  &packetdrill.Addr{Family: 2, IP: netip.MustParseAddr("192.0.2.1"), Port: 8080},
		Value: &packetdrill.OptValue{Int: &n, Linger: &packetdrill.Linger{On: 1, Seconds: 2}, Bytes: []byte{0, 1}},
		Poll:  []packetdrill.PollItem{{FD: 4, Events: 1, Data: 9}}, Timeout: -1,
	}
	want := &Response{Result: packetdrill.Result{Return: -1, Errno: "EAGAIN", Data: []byte("x")}, States: []string{"LISTEN"}}
	c := pair(t, func(r *Request) *Response {
		if !reflect.DeepEqual(r.Call, call) {
			t.Errorf("%+v", r.Call)
		}
		return want
	})
	if err := c.Send(&Request{Call: call}); err != nil {
		t.Fatal(err)
	}
	if got, _, err := c.Receive(t.Context(), time.Minute); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestWritesAreShort: what is written is mostly zeros, which are not sent.
func TestWritesAreShort(t *testing.T) {
	data := append([]byte("a\x00b"), make([]byte, 32<<20)...)
	c := pair(t, func(r *Request) *Response {
		if string(r.Data) != "a\x00b" || r.Count != len(data) || !bytes.Equal(Written(&r.Call), data) {
			t.Errorf("%d bytes, %q", r.Count, r.Data)
		}
		return &Response{}
	})
	if err := c.Send(&Request{Call: packetdrill.Call{Name: "write", Data: data}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Receive(t.Context(), time.Minute); err != nil {
		t.Error(err)
	}
	if err := c.Send(&Request{Call: packetdrill.Call{Name: "write", Data: bytes.Repeat([]byte{1}, MaxRequest)}}); err == nil {
		t.Error("a request beyond the bound was sent")
	}
}

func TestWaitsHaveAnEnd(t *testing.T) {
	silent, w := io.Pipe()
	defer w.Close()
	c := NewClient(silent, io.Discard)
	if _, err := c.Ready(t.Context(), 0); !errors.Is(err, packetdrill.ErrQuiet) {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Receive(over, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	for said, want := range map[string]string{
		"hello\n":                  `it wrote "hello", which is no line of the protocol`,
		`{"return":-1}` + "\n":     `has a negative "return" and no "errno"`,
		`{"return":"x"}` + "\n":    "no line of the protocol",
		"\x1b[2J\n":                `"\x1b[2J"`,
		"":                         "closed its standard output",
		strings.Repeat("x", 2<<20): "a line of more than 1048576 bytes",
	} {
		c := NewClient(strings.NewReader(said), io.Discard)
		if _, _, err := c.Receive(t.Context(), time.Minute); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", said, err)
		}
	}
	c := NewClient(strings.NewReader("{}\n"), io.Discard)
	if _, err := c.Ready(t.Context(), time.Minute); err == nil || !strings.Contains(err.Error(), "its first line is") {
		t.Error(err)
	}
}

func TestServeRefusesWhatIsNoRequest(t *testing.T) {
	err := Serve(strings.NewReader("{\n"), io.Discard, "x", func(*Request) *Response { return &Response{} })
	if err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Error(err)
	}
}

// FuzzParse: whatever a helper writes, parse takes it or says what is wrong in one line.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"return":4,"addr":{"family":2,"ip":"192.0.2.1","port":8080}}`))
	f.Add([]byte(`{"return":-1,"errno":"ECONNRESET","data":"AAE="}`))
	f.Add([]byte(`{"return":0,"value":{"info":{"tcpi_state":1}},"poll":[{"fd":3,"events":1,"returned":1}],"states":["LISTEN"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q", err)
			}
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	})
}

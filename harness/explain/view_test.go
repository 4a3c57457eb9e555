package explain_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
	"lastack/stack/segment"
)

// TestJSON: one document with the keys that do not change.
func TestJSON(t *testing.T) {
	file, truth := generate(t, capturetest.Config{Seed: 6, Connections: 300})
	var out bytes.Buffer
	j := explain.NewJSON(&out)
	sum := readAll(t, explain.New(explain.Options{Each: j.Each, Lines: true}), file)
	if err := j.Close(sum); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v in %.300s", err, out.String())
	}
	all := doc["connections"].([]any)
	if len(all) != len(truth) {
		t.Errorf("%d connections, want %d", len(all), len(truth))
	}
	for _, key := range []string{"n", "client", "server", "close", "active_closer", "time_wait", "fin_retransmissions",
		"half_close_bytes", "ack_delay_us", "reason", "rfc", "segments", "ack_by", "ack_pace", "half_close_us", "close_wait", "left_open_us"} {
		if _, ok := all[0].(map[string]any)[key]; !ok {
			t.Errorf("a connection has no %q", key)
		}
	}
	for i, c := range all {
		if len(c.(map[string]any)["opening"].([]any)) == 0 {
			t.Errorf("connection %d has no lines", i)
		}
	}
	for _, key := range []string{"findings", "groups", "warnings"} {
		if _, ok := doc[key].([]any); !ok {
			t.Errorf("%s: %v is no list", key, doc[key])
		}
	}
}

// TestJSONEmpty: a capture without connections is a whole document too.
func TestJSONEmpty(t *testing.T) {
	var out bytes.Buffer
	j := explain.NewJSON(&out)
	sum, err := explain.New(explain.Options{Each: j.Each}).Summary()
	if err := errors.Join(err, j.Close(sum)); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, `{"connections": [`+"\n],\n"+`"findings":[],"groups":[],"warnings":[],`) || !json.Valid(out.Bytes()) {
		t.Errorf("%s", got)
	}
}

// TestCSV: a header, and a line for each connection with as many fields.
func TestCSV(t *testing.T) {
	file, truth := generate(t, capturetest.Config{Seed: 7, Connections: 300})
	var out bytes.Buffer
	c := explain.NewCSV(&out)
	readAll(t, explain.New(explain.Options{Each: c.Each}), file)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(truth)+1 || rows[0][4] != "close" || rows[1][4] == "" {
		t.Errorf("%d rows, want %d; %v", len(rows), len(truth)+1, rows[:2])
	}
}

// TestTextNarrow: the text keeps to the terminal, down to 40 columns; an address is never
// cut short.
func TestTextNarrow(t *testing.T) {
	file, _ := generate(t, capturetest.Config{Seed: 8, Connections: 2000, IPv6: 50, LostFINs: 30})
	sum := readAll(t, explain.New(explain.Options{}), file)
	for _, columns := range []int{1, 40, 57, 79} {
		var out strings.Builder
		if err := explain.WriteText(&out, sum, explain.Look{Columns: columns}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := len(line) - 1; n > max(columns, 40) && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%d columns of %d: %s", n, columns, line)
			}
		}
		if !strings.Contains(out.String(), "half-closed") {
			t.Errorf("no table in %d columns", columns)
		}
	}
}

// TestText: findings first, then the worst, and no line is too wide.
func TestText(t *testing.T) {
	file, _ := generate(t, capturetest.Config{Seed: 8, Connections: 2000, IPv6: 50, LostFINs: 30})
	sum := readAll(t, explain.New(explain.Options{}), file)
	for _, color := range []bool{false, true} {
		var out strings.Builder
		if err := explain.WriteText(&out, sum, explain.Look{Color: color}); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if has := strings.Contains(text, "\x1b["); has != color {
			t.Errorf("colour %v, asked for %v", has, color)
		}
		for _, line := range strings.Split(text, "\n") {
			if !color && len(line) > 80 {
				t.Errorf("%d columns: %s", len(line), line)
			}
		}
		at := -1
		for _, want := range []string{" 1. ", "(--ladder ", "server  ", " reset ", " half-closed ", "--json has all of them", "2,000 connections in "} {
			next := strings.Index(text, want)
			if next <= at {
				t.Errorf("%q is at %d, what comes before it at %d", want, next, at)
			}
			at = next
		}
	}
}

// TestReasonOfWhatIsLeft: how long a connection was left open, and what the capture
// does not have, is said in its reason.
func TestReasonOfWhatIsLeft(t *testing.T) {
	file, _ := generate(t, capturetest.Config{Seed: 11, Connections: 20, Kinds: []capturetest.Kind{capturetest.HalfClosed}})
	content := file.Bytes()
	readAll(t, explain.New(explain.Options{Each: func(c *explain.Connection) error {
		if !strings.HasSuffix(c.Reason, " by the end of the capture.") || !strings.Contains(c.Reason, "; that had lasted ") {
			t.Errorf("connection %d: %s", c.N, c.Reason)
		}
		return nil
	}}), file)
	r, err := capture.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	a := explain.New(explain.Options{Each: func(c *explain.Connection) error {
		if c.MissingBytes > 0 && strings.Contains(c.Reason, "that the capture does not have") {
			lost++
		}
		return nil
	}})
	if err := a.ReadAll(&without{r, segment.FIN}); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil || lost != 20 || sum.Incomplete != 20 || len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "20 connections were missing something") {
		t.Errorf("%d connections lack a FIN; summary %+v, %v", lost, sum, err)
	}
}

// without is a source that lost every segment with some flag.
type without struct {
	capture.Source
	flag segment.Flags
}

func (w *without) Next() (capture.Packet, error) {
	for {
		p, err := w.Source.Next()
		if s, bad := segment.Parse(p.Data); err != nil || bad != nil || !s.Flags.Has(w.flag) {
			return p, err
		}
	}
}

// TestCut: what ends too early is explained as far as it goes; what cannot be
// read at all is an error.
func TestCut(t *testing.T) {
	file, _ := generate(t, capturetest.Config{Seed: 10, Connections: 100})
	content := file.Bytes()
	a := explain.New(explain.Options{})
	sum := readAll(t, a, bytes.NewBuffer(content[:len(content)-7]))
	if len(sum.Warnings) != 1 || !strings.Contains(sum.Warnings[0], "ends in the middle") || sum.Connections == 0 {
		t.Errorf("%d connections, warnings %q", sum.Connections, sum.Warnings)
	}
	a = explain.New(explain.Options{})
	if err := a.ReadAll(failing{}); !errors.Is(err, errBroken) {
		t.Errorf("a broken source: %v", err)
	}
	a = explain.New(explain.Options{Each: func(*explain.Connection) error { return errBroken }})
	r, err := capture.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.ReadAll(r); err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, err := a.Summary(); !errors.Is(err, errBroken) {
		t.Errorf("an error of Each: %v", err)
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Next() (capture.Packet, error) { return capture.Packet{}, errBroken }

// slice is a source of packets at given seconds.
type slice struct {
	times []int
	err   error
}

func (s *slice) Next() (capture.Packet, error) {
	if len(s.times) == 0 {
		return capture.Packet{}, s.err
	}
	at := s.times[0]
	s.times = s.times[1:]
	return capture.Packet{Time: time.Unix(int64(at), 0), Data: []byte{byte(at)}}, nil
}

// TestMerge: packets come in the order of time, and one bad file does not hide
// the others.
func TestMerge(t *testing.T) {
	m := explain.NewMerge([]capture.Source{
		&slice{[]int{1, 4, 9}, io.EOF}, &slice{[]int{2, 3}, errBroken}, &slice{nil, io.EOF}, &slice{[]int{4, 5}, io.EOF},
	})
	var got, from []byte
	for {
		p, err := m.Next()
		if err != nil {
			if !errors.Is(err, errBroken) {
				t.Errorf("the error is %v", err)
			}
			break
		}
		got = append(got, p.Data[0])
		from = append(from, byte(p.Interface))
	}
	if want := []byte{1, 2, 3, 4, 4, 5, 9}; !bytes.Equal(got, want) || !bytes.Equal(from, []byte{0, 1, 1, 0, 3, 3, 0}) {
		t.Errorf("%v from %v, want %v", got, from, want)
	}
}

// TestLine: what --follow prints.
func TestLine(t *testing.T) {
	c := explain.Connection{N: 17}
	c.Start, c.DurationUS = time.Date(2026, 1, 2, 12, 30, 20, 0, time.UTC), 194_000
	c.Client, c.Server, c.Close, c.ActiveCloser, c.ResetBy, c.AckDelayUS = "10.77.0.1:42076", "10.77.0.2:80", "three-way", "client", "none", 150
	if got, want := c.Line(), "12:30:20.194  17  10.77.0.1:42076 > 10.77.0.2:80  three-way, client first, ACK after 0.15 ms"; got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
	c.Close, c.ActiveCloser, c.ResetBy, c.ResetCause, c.AckDelayUS, c.FINRetransmissions = "reset", "none", "server", "half-open", -1, 2
	if got, want := c.Line(), "12:30:20.194  17  10.77.0.1:42076 > 10.77.0.2:80  reset, RST from server, half-open, 2 FINs again"; got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
}

package experiment

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// whole is a valid experiment, one line a field, for tests to break.
const whole = `name: whole
question: Is it whole?
shows: That it is.
claims: [1, 18]
subject: server
tunables:
  subject: {net.ipv4.tcp_tw_reuse: 1}
  peer: {net.ipv4.tcp_timestamps: 0}
server: {app: slow-closer, options: {delay: 60ms}}
client:
  steps:
    - connect
    - 'send "a: b"'
    - read 4
    - close
expect:
  close: four-way
  segments:
    - client FIN+ACK
    - server ACK acks FIN at 39..58
    - ...
  states: {client: TIME_WAIT, server: CLOSED}
  ack_delay_ms: 39..58
`

func TestParse(t *testing.T) {
	e, err := Parse("whole.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if e.Name != "whole" || e.Repeat != 1 || e.Tunables.Peer["net.ipv4.tcp_timestamps"] != "0" {
		t.Errorf("%+v", e)
	}
	if s := e.Client.Steps[1]; s.Verb != "send" || string(s.Data) != "a: b" {
		t.Errorf("step %+v", s)
	}
	if p := e.Expect.Segments[1]; !p.Acks || p.Data || p.At != (Range{39, 58, true}) {
		t.Errorf("segment %+v", p)
	}
}

// TestMistakes: each mistake is found at its line, and the nearest name with it.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"question:", "qestion:", `x.yaml:2: there is no field "qestion"; did you mean "question"?`},
		{"shows: That it is.\n", "", `x.yaml:1: the field "shows" is missing: what it shows`},
		{"name: whole", "name: Whole!", `x.yaml:1: name "Whole!": want lower-case letters`},
		{"Is it whole?", "It is.", "x.yaml:2: the question does not end with a question mark"},
		{"[1, 18]", "[1, 50]", "x.yaml:4: there is no claim 50"},
		{"[1, 18]", "[one]", `x.yaml:4: claims[1] is "one"; want a whole number`},
		{"subject: server", "subject: sever", `x.yaml:5: subject: there is no "sever"; did you mean "server"?`},
		{"tcp_tw_reuse: 1", "tcp_tw_resue: 1", "x.yaml:7: "},
		{"tcp_tw_reuse: 1", "tcp_tw_reuse: 7", "x.yaml:7: "},
		{"net.ipv4.tcp_tw_reuse: 1", "lastack.msl_ms: 10", "x.yaml:7: the kernel has no lastack.msl_ms; say under skip"},
		{"net.ipv4.tcp_timestamps", "lastack.msl_ms", "x.yaml:8: the peer is the kernel, which has no"},
		{"slow-closer", "slow-loser", `x.yaml:9: app "8000=slow-loser,delay=60ms": kind "slow-loser" does not exist; did you mean "slow-closer"?`},
		{"delay: 60ms", "dealy: 60ms", `did you mean "delay"?`},
		{"{app: slow-closer", "{port: 0, app: slow-closer", "x.yaml:9: server.port is 0; want 1 to 65535"},
		{"{app: slow-closer", "{port: 65536, app: slow-closer", "x.yaml:9: server.port is 65536; want 1 to 65535"},
		{"- connect", "- conect", `x.yaml:12: client.steps[1]: there is no step "conect"; did you mean "connect"?`},
		{"    - connect\n", "", `the first step is "send \"a: b\""; a client begins with connect`},
		{"- connect", "- connect to 1", `"to 1" is not understood; want connect [from PORT]`},
		{"- connect", "- connect from 0", `"0" is not a local port`},
		{"- connect", "- connect from 4000 with x", `"x" is not a number of bytes`},
		{"read 4", "read four", `x.yaml:14: client.steps[3]: step "read four": "four" is not a number of bytes`},
		{"- close\n", "- close fails EPIP\n", `there is no error "EPIP"; did you mean "EPIPE"?`},
		{"'send \"a: b\"'", "send \"a: b\"", "single quotes"},
		{"four-way", "four", `x.yaml:17: expect.close: there is no "four"; did you mean "four-way"?`},
		{"client FIN+ACK", "cleint FIN+ACK", `x.yaml:19: expect.segments[1]: segment "cleint FIN+ACK": it is sent by client or server`},
		{"client FIN+ACK", "client FIN", `no flags "FIN"; did you mean`},
		{"acks FIN at", "ack FIN at", `"ack FIN at 39..58" is not understood`},
		{"TIME_WAIT", "TIME-WAIT", `x.yaml:22: expect.states.client: there is no "TIME-WAIT"; did you mean "TIME_WAIT"?`},
		{"ack_delay_ms: 39..58", "ack_delay_ms: 58..39", `x.yaml:23: expect.ack_delay_ms: "58..39" ends before it begins`},
		{"ack_delay_ms: 39..58", "ack_delay_ms: 40 ms", `"40 ms" is not a number such as 3`},
		{"subject: server", "subject: server\nsubject: client", `x.yaml:6: "subject" is given twice, first in line 5`},
		{"subject: server", "slow: yes", `x.yaml:5: slow is "yes"; want true or false`},
		{"subject: server", "repeat: 0", "x.yaml:5: repeat is 0; want 1 to 1000"},
		{"shows: That it is.", "shows: [a]", "x.yaml:3: shows is a list; want a value"},
		{"shows: That it is.", "shows: &a b", "anchors and aliases are not part of the format"},
		{"[1, 18]", "{1: 2}", "x.yaml:4: claims is a mapping; want a list: lines that begin with a dash"},
		{"shows: That", "shows: 'That", "not YAML: "},
		{"  close: four", "\tclose: four", "x.yaml:17: not YAML: found character that cannot start any token; indent with blanks, not with tabs"},
		{"    - read 4", "   - read 4", "a line is indented unlike those beside it"},
		{"[1, 18]", "[1, 18", "a bracket or brace that opens there is not closed"},
		{"{client: TIME_WAIT, server: CLOSED}", "TIME_WAIT", `x.yaml:22: expect.states is "TIME_WAIT"; want fields, each NAME: VALUE, where NAME is client, server`},
		{"ack_delay_ms: 39..58\n", "ack_delay_ms: 39..58\n---\nname: b\n", "a second document begins"},
		{"ack_delay_ms: 39..58", "lasts: {side: client, ms: 100..}", "x.yaml:23: the range 100.. has no end"},
		{"ack_delay_ms: 39..58", "checks: [{run: ' '}]", "x.yaml:23: the check runs nothing"},
		{"TIME_WAIT, server: CLOSED}\n  ack_delay_ms: 39..58", "any, server: CLOSED}\n  lasts: {side: client, ms: 1}", "x.yaml:23: states must say which state of the client"},
		{"ack_delay_ms: 39..58", "lasts: {side: server, ms: 100}", "x.yaml:23: the server is CLOSED already, by states"},
	} {
		broken := strings.Replace(whole, tt.old, tt.new, 1)
		if broken == whole {
			t.Fatalf("%q is not in the example", tt.old)
		}
		_, err := Parse("x.yaml", []byte(broken))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q for %q: %v, want %s", tt.new, tt.old, err, tt.want)
		}
	}
}

// TestManyMistakes: all of them are told at once.
func TestManyMistakes(t *testing.T) {
	broken := strings.NewReplacer("shows:", "show:", "close: four-way", "close: fourway").Replace(whole)
	_, err := Parse("x.yaml", []byte(broken))
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 3 {
		t.Errorf("first: %+v", syntax)
	}
	if n := strings.Count(err.Error(), "x.yaml:"); n != 3 {
		t.Errorf("%d mistakes in %v", n, err)
	}
	for _, empty := range []string{"", "\n# nothing\n", "null", "[]"} {
		if _, err := Parse("x.yaml", []byte(empty)); err == nil {
			t.Errorf("%q parses", empty)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(loaded)
	f.Add(throughNAT)
	f.Add(throughProxy)
	f.Add("a: &b [*b]")
	files, err := filepath.Glob("corpus/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(content))
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse("fuzz.yaml", []byte(text))
		if (e == nil) == (err == nil) {
			t.Fatalf("experiment %v, error %v", e, err)
		}
		if e != nil && (e.Name == "" || e.Repeat < 1 || e.Expect.Close == "") {
			t.Errorf("incomplete: %+v", e)
		}
		if e != nil && e.loaded() && (e.Load.Workers < 1 || e.Load.Connections < 1 || len(e.Client.Steps) == 0) {
			t.Errorf("an incomplete load: %+v", e.Load)
		}
		var syntax *SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.File != "fuzz.yaml") {
			t.Errorf("an error without a place: %v", err)
		}
	})
}

// loaded is a valid experiment with a load.
const loaded = `name: loaded
question: Does it last?
shows: That it does.
subject: client
server: {app: echo}
load: {peer: lastack, ports: 100, rate: 2.5, duration: 1m30s}
client:
  steps: [connect, echo 64, half-close, read to EOF, close]
expect:
  close: any
  states: {client: TIME_WAIT, server: CLOSED}
  no_port: after the last
`

func TestParseLoad(t *testing.T) {
	e, err := Parse("x.yaml", []byte(loaded))
	if err != nil {
		t.Fatal(err)
	}
	want := LoadSpec{
		Ports: Ports{20000, 20099}, Connections: math.MaxInt, Rate: 2.5, Duration: Duration(90 * time.Second), Workers: 4, Peer: Lastack,
	}
	if e.Load != want {
		t.Errorf("%+v", e.Load)
	}
	if client, server := e.Sides(Kernel); client != "the kernel" || server != Lastack {
		t.Errorf("the client is %s, the server %s", client, server)
	}
	if client, server := e.Sides(Lastack); client != Lastack || server != "the kernel" {
		t.Errorf("the client is %s, the server %s", client, server)
	}
}

// TestLoadMistakes: each mistake about a load is found at its line.
func TestLoadMistakes(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"ports: 100", "ports: 5", "x.yaml:6: load.ports: 5 ports are too few; give at least 10"},
		{"ports: 100", "ports: 80:8080", "x.yaml:6: load.ports: a range of 8001 ports, 80 to 8080, is not within 1024 to 65535"},
		{"ports: 100", "ports: many", `x.yaml:6: load.ports: "many" is no range of ports`},
		{"ports: 100, ", "", `x.yaml:6: the field "ports" is missing in load`},
		{"rate: 2.5", "rate: fast", `x.yaml:6: load.rate is "fast"; want a number`},
		{"rate: 2.5", "rate: 0.0001", "x.yaml:6: the rate 0.0001 is out of range"},
		{"rate: 2.5", "connections: -1", "x.yaml:6: the number of connections or workers, the rate and the duration cannot be negative"},
		{"rate: 2.5", "pool: 101", "x.yaml:6: a pool of 101 needs 101 ports and has 100"},
		{"rate: 2.5", "pool: 5, rest: 1s", "x.yaml:6: connections that are kept leave no port to rest"},
		{"1m30s", "90", `x.yaml:6: load.duration: "90" is not a duration up to 24h0m0s`},
		{"1m30s", "25h", "is not a duration up to"},
		{"peer: lastack", "peer: linux", `x.yaml:6: load.peer: there is no "linux"`},
		{"load: {", "repeat: 2\nload: {", "x.yaml:6: a load repeats its steps by itself"},
		{"load: {", "impair: [drop the 1st FIN from host]\nload: {", "x.yaml:7: lastack as the peer runs no command"},
		{"load: {peer: lastack, ports: 100, rate: 2.5, duration: 1m30s}\n", "", "x.yaml:11: load and expect.no_port belong together"},
		{"load: {peer: lastack, ports: 100, rate: 2.5, duration: 1m30s}\n", "", "x.yaml:9: the close may be any only of a load"},
		{"  no_port: after the last\n", "", "x.yaml:6: load and expect.no_port belong together"},
		{"no_port: after the last", "no_port: soon", `x.yaml:12: expect.no_port: there is no "soon"`},
		{"close: any", "close: three-way", "x.yaml:10: nothing captures a load; its close is any"},
		{"close: any", "close: any\n  lasts: {side: client, ms: 1..2}", "x.yaml:11: a load has no lasts; expect of it"},
		{"close: any", "close: any\n  counts: {failures: 2}", "x.yaml:11: a load has no counts"},
		{"echo 64,", "cork, echo 64,", "x.yaml:8: lastack has no TCP_CORK"},
		{"echo 64,", "connect,", `x.yaml:8: step "connect": under a load no step is to fail, and only the first connects`},
		{"echo 64", "echo 64 fails ECONNRESET", "under a load no step is to fail"},
		{"echo 64", "echo to EOF", `"to EOF" is not a number of bytes`},
		{"steps: [connect, echo 64, half-close, read to EOF, close]", "crafted: [connect]", "x.yaml:8: a load is made of steps"},
	} {
		broken := strings.Replace(loaded, tt.old, tt.new, 1)
		if broken == loaded {
			t.Fatalf("%q is not in the example", tt.old)
		}
		_, err := Parse("x.yaml", []byte(broken))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q for %q: %v, want %s", tt.new, tt.old, err, tt.want)
		}
	}
}

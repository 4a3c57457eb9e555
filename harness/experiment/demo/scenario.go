package demo

import (
	"fmt"
	"strings"

	"lastack/harness/app"
	"lastack/harness/teardown"
	"lastack/stack/tunable"
)

// scenario is one close to bring about, and what must be seen of it.
type scenario struct {
	key, title string
	// onKernel: the server is the kernel's, in the second namespace.
	onKernel   bool
	delayedACK bool
	// app is the server; port is where it listens.
	app  app.Spec
	port uint16
	// client is the command for a server's address, stdin what it sends.
	client func(addr string) []string
	stdin  string

	want teardown.Kind
	// wantSegments are the flags of the close's segments, whatever a busy
	// machine made the kernel send again left out. Empty: any of the kind.
	wantSegments string
	// wantHalfClose: data must flow after the first FIN.
	wantHalfClose bool
}

var threeSegments = "client FIN+ACK, server FIN+ACK, client ACK"
var fourSegments = "client FIN+ACK, server ACK, server FIN+ACK, client ACK"

func curl(addr string) []string {
	return []string{"curl", "-sS", "--noproxy", "*", "--max-time", "10", "-o", "/dev/null", "http://" + addr + "/"}
}

// netcat half-closes when its input ends (-N), then reads on.
func netcat(addr string) []string {
	return []string{"nc", "-N", "-w", "10", addr, "8003"}
}

// scenarios are the demo's four closes.
func scenarios() []scenario {
	http := app.Spec{Port: 80, Kind: "http"}
	return []scenario{
		{
			key: "a", title: "curl, delayed ACK on", delayedACK: true, app: http, port: 80,
			client: curl, want: teardown.ThreeWay, wantSegments: threeSegments,
		},
		{
			key: "b", title: "curl, delayed ACK off", delayedACK: false, app: http, port: 80,
			client: curl, want: teardown.FourWay, wantSegments: fourSegments,
		},
		{
			key: "c", title: "nc half-closes, the server answers after EOF", delayedACK: true,
			app:  app.Spec{Port: 8003, Kind: "half-closer", Options: map[string]string{"bytes": "4096"}},
			port: 8003, client: netcat, stdin: "hello\n",
			want: teardown.FourWay, wantHalfClose: true,
		},
		{
			key: "d", title: "curl against the kernel itself", onKernel: true, app: http, port: 80,
			client: curl, want: teardown.ThreeWay, wantSegments: threeSegments,
		},
	}
}

// settings says in words what the scenario runs with.
func (s *scenario) settings() string {
	if s.onKernel {
		return "the kernel's own delayed ACK"
	}
	on := 0
	if s.delayedACK {
		on = 1
	}
	d, _ := tunable.Lookup("lastack.delayed_ack")
	return fmt.Sprintf("%s=%d", d.Name, on)
}

// command is the client's command line as a person would type it.
func (s *scenario) command(addr string) string {
	args := s.client(addr)
	var shown []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--noproxy", "--max-time", "-o", "-w":
			i++ // precautions, and where the page goes
		case "-sS":
		default:
			shown = append(shown, args[i])
		}
	}
	cmd := strings.Join(shown, " ")
	if s.stdin != "" {
		cmd = "echo " + strings.TrimSpace(s.stdin) + " | " + cmd
	}
	return cmd
}

// judge compares a close with what the scenario wants; an empty answer is a pass.
func (s *scenario) judge(r *teardown.Report) string {
	switch got := closeSegments(r); {
	case r.Close != s.want:
		return fmt.Sprintf("the close is %s, expected %s", r.Close, s.want)
	case r.ActiveCloser != teardown.Client:
		return fmt.Sprintf("the active closer is %s, expected the client", r.ActiveCloser)
	case r.TimeWait != teardown.Client:
		return fmt.Sprintf("TIME_WAIT is at %s, expected the client", r.TimeWait)
	case s.wantHalfClose != (r.HalfCloseBytes > 0):
		return fmt.Sprintf("%d bytes flowed after the first FIN", r.HalfCloseBytes)
	case s.wantSegments != "" && got != s.wantSegments:
		return fmt.Sprintf("the close is %q, expected %q", got, s.wantSegments)
	}
	return ""
}

// closeSegments lists the close's segments, each once.
func closeSegments(r *teardown.Report) string {
	var out []string
	for _, l := range r.Segments {
		if !l.Again {
			out = append(out, string(l.From)+" "+l.Flags)
		}
	}
	return strings.Join(out, ", ")
}

package claims

import (
	"fmt"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/experiment/programs"
	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
)

// world is what the experiments came to, by name, and the defaults.
type world struct {
	results  map[string]*experiment.Result
	programs map[programs.Trial]*programs.Result
	settings map[string]string
}

// The closes of the invented world, each after a handshake and an exchange.
const (
	three      = "1 c FIN+ACK\n 1.05 s FIN+ACK\n 1.1 c ACK"
	threeBack  = "1 s FIN+ACK\n 1.05 c FIN+ACK\n 1.1 s ACK"
	leak       = "1 c FIN+ACK\n 43 s ACK"
	data       = "1 c FIN+ACK\n 1.05 s PSH+ACK len=1000\n 1.1 c ACK\n 1.2 s FIN+ACK\n 1.25 c ACK"
	dataAfter  = "1 c FIN+ACK\n 43 s ACK\n 100 s PSH+ACK len=1000\n 100.1 c RST"
	resetOnly  = "1 s RST+ACK"
	finAckLost = "1 c FIN+ACK\n 207 c FIN+ACK seq=101\n 207.1 s ACK\n 400 s FIN+ACK\n 400.1 c ACK"
	crossing   = "1 c FIN+ACK\n 21 s FIN+ACK ack=101\n 21.1 c ACK\n 21.2 s ACK"
	finGetsRST = "1 c FIN+ACK\n 43 s ACK\n 2500 s FIN+ACK\n 2500.1 c RST"
)

// four is a close whose ACK and FIN come at these times after the first FIN.
func four(ack, fin float64) string {
	return fmt.Sprintf("1 c FIN+ACK\n %g s ACK\n %g s FIN+ACK\n %g c ACK", 1+ack, 1+fin, 1.1+fin)
}

// lastACKLostBy is a close whose last ACK, by one side, is lost, so that the
// other's FIN comes again.
func lastACKLostBy(closer, other string) string {
	return fmt.Sprintf("1 %[1]s FIN+ACK\n 1.05 %[2]s FIN+ACK\n 1.1 %[1]s ACK\n 209 %[2]s FIN+ACK seq=101\n 209.1 %[1]s ACK", closer, other)
}

func report(t *testing.T, closing string) *teardown.Report {
	t.Helper()
	recs, err := teardowntest.Parse(`
		client 10.77.0.1:4000
		server 10.77.0.2:8000
		0    c SYN mss=1460
		0.03 s SYN+ACK mss=1460
		0.05 c ACK
		0.1  c PSH+ACK len=100
		0.2  s PSH+ACK len=100
		` + closing)
	if err != nil {
		t.Fatal(err)
	}
	table := teardown.NewTable(teardown.Config{Keep: -1})
	var c *teardown.Conn
	for i := range recs {
		c = table.Add(&recs[i])
	}
	r := c.Report()
	return &r
}

// set gives an experiment a close and states.
func (w *world) set(t *testing.T, name, closing, client, server string) *experiment.Result {
	t.Helper()
	r := &experiment.Result{
		Experiment: name, Subject: experiment.Kernel, Verdict: experiment.Pass, Attempts: 1, Connections: 1,
		Report: report(t, closing), States: &experiment.Ends{Client: client, Server: server},
	}
	if client == "TIME_WAIT" {
		r.TimeWaitClient = 1
	}
	if server == "TIME_WAIT" {
		r.TimeWaitServer = 1
	}
	w.results[name] = r
	return r
}

// count gives an experiment numbers.
func (w *world) count(name string, connections, failures, client, server int) {
	r := w.results[name]
	r.Connections, r.Failures, r.TimeWaitClient, r.TimeWaitServer = connections, failures, client, server
	r.Errors = nil
	if failures > 0 {
		r.Errors = []experiment.StepError{{Step: "connect", Errno: "EADDRNOTAVAIL", Times: failures}}
	}
}

// linux is a world in which everything is as it was measured on Linux.
func linux(t *testing.T) *world {
	t.Helper()
	w := &world{
		results:  map[string]*experiment.Result{},
		programs: applications(),
		settings: map[string]string{portRange: "32768 60999", twReuse: "2"},
	}
	for _, name := range []string{
		"three-way", "half-close-time-wait-first", "http-short", "http-keep-alive", "http-without-keep-alive", "http-pool",
		"time-wait-60s", "port-exhaustion", "port-exhaustion-errno", "ports-wider-range", "ports-tw-reuse",
		"ports-tw-reuse-no-timestamps", "ports-tw-reuse-after-a-second", "grep-time-wait", "netstat-time-wait",
	} {
		w.set(t, name, three, "TIME_WAIT", "CLOSED")
	}
	for _, name := range []string{"server-first", "http-connection-close", "http-1-0", "ports-server-first", "time-wait-reuse-syn"} {
		w.set(t, name, threeBack, "CLOSED", "TIME_WAIT")
	}
	for _, name := range []string{"close-wait-leak", "close-wait-many", "fin-wait-2-half-close", "fin-wait-2-orphan"} {
		w.set(t, name, leak, "FIN_WAIT_2", "CLOSE_WAIT")
	}
	w.set(t, "four-way-slow-closer", four(42, 60), "TIME_WAIT", "CLOSED")
	w.set(t, "slow-closer-300", four(43, 300), "TIME_WAIT", "CLOSED")
	w.set(t, "slow-closer-silent", four(4, 60), "TIME_WAIT", "CLOSED")
	w.set(t, "close-wait-end", four(44, 1500), "TIME_WAIT", "CLOSED")
	w.set(t, "half-close-data", data, "TIME_WAIT", "CLOSED")
	w.set(t, "keep-alive-push", data, "TIME_WAIT", "CLOSED")
	w.set(t, "fin-ack-lost", finAckLost, "TIME_WAIT", "CLOSED")
	w.set(t, "last-ack-lost", lastACKLostBy("c", "s"), "TIME_WAIT", "CLOSED")
	w.set(t, "last-ack-lost-server-first", lastACKLostBy("s", "c"), "CLOSED", "TIME_WAIT")
	w.set(t, "simultaneous", crossing, "TIME_WAIT", "TIME_WAIT")
	w.set(t, "data-after-close", dataAfter, "CLOSED", "CLOSED")
	w.set(t, "unread-data", resetOnly, "CLOSED", "CLOSED")
	w.set(t, "fin-after-fin-wait-2", finGetsRST, "CLOSED", "CLOSED")
	w.set(t, "time-wait-none", three, "CLOSED", "CLOSED")
	w.set(t, "time-wait-limit", three, "CLOSED", "CLOSED")
	w.set(t, "time-wait-unheard-60s", lastACKLostBy("c", "s"), "CLOSED", "LAST_ACK")
	w.set(t, "time-wait-restart-60s", threeBack, "CLOSED", "TIME_WAIT")
	w.set(t, "old-data-let-in", threeBack, "CLOSED", "CLOSED")
	w.set(t, "old-data-kept-out", threeBack, "CLOSED", "TIME_WAIT")
	for name, got := range map[string]string{"time-wait-syn-isn": "SYN+ACK", "time-wait-syn-timestamp": "SYN+ACK", "time-wait-syn-refused": "ACK"} {
		w.set(t, name, threeBack, "CLOSED", "TIME_WAIT").Answers = []experiment.Answer{{Step: "connect", Got: got}}
	}
	for _, name := range []string{"close-wait-emfile", "close-wait-idle", "close-wait-who"} {
		w.set(t, name, leak, "FIN_WAIT_2", "CLOSE_WAIT")
	}
	for _, name := range []string{"fast-open-plain", "fast-open-first", "fast-open-second"} {
		r := w.set(t, name, three, "TIME_WAIT", "CLOSED")
		r.All = []teardown.Report{*r.Report}
	}
	opens(201, 101, 73)(t, w)
	w.numbers()
	return w
}

// opens has the server answer after so many ms, plainly and the second time with
// Fast Open, when the SYN carries so many bytes.
func opens(plain, fast float64, n int) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) {
		w.results["fast-open-plain"].Opened = &experiment.Opened{AnswerMS: plain}
		w.results["fast-open-first"].Opened = &experiment.Opened{AnswerMS: plain}
		w.results["fast-open-second"].Opened = &experiment.Opened{SYNBytes: n, SYNACKs: n, AnswerMS: fast}
	}
}

func (w *world) numbers() {
	w.results["time-wait-60s"].LastedMS = 61000
	w.results["time-wait-restart-60s"].LastedMS = 61000
	w.results["close-wait-emfile"].ServerSaid = "8 accepted, then: Too many open files"
	w.results["close-wait-idle"].CPUMS = 1.2
	w.count("close-wait-idle", 200, 0, 0, 0)
	w.results["close-wait-who"].Prints = []string{"5"}
	w.count("close-wait-who", 5, 0, 0, 0)
	w.results["old-data-let-in"].Answers = []experiment.Answer{{Step: "connect", Got: "SYN+ACK"}, {Step: "read", Got: "OLD DATA"}}
	w.results["old-data-kept-out"].Answers = []experiment.Answer{{Step: "connect", Got: "ACK"}, {Step: "inject", Got: "ACK"}}
	w.results["fin-wait-2-orphan"].LastedMS = 1010
	w.count("time-wait-limit", 6, 0, 3, 0)
	w.count("close-wait-many", 20, 0, 0, 0)
	w.count("port-exhaustion", 10, 3, 10, 0)
	w.count("port-exhaustion-errno", 2, 0, 2, 0)
	w.count("ports-wider-range", 13, 0, 13, 0)
	w.count("ports-tw-reuse", 13, 0, 10, 0)
	w.count("ports-tw-reuse-no-timestamps", 10, 3, 10, 0)
	w.count("ports-tw-reuse-after-a-second", 3, 0, 2, 0)
	w.count("ports-server-first", 13, 0, 0, 8)
	w.count("time-wait-reuse-syn", 2, 0, 0, 1)
	w.count("http-without-keep-alive", 10, 0, 10, 0)
	w.count("http-pool", 3, 0, 3, 0)
	w.count("grep-time-wait", 3, 0, 3, 0)
	w.results["grep-time-wait"].Prints = []string{"0", "3"}
	w.count("netstat-time-wait", 3, 0, 3, 0)
	w.results["netstat-time-wait"].Prints = []string{"3", "0"}
}

func (w *world) subject(name string) *Subject {
	s := &Subject{Name: name, Settings: w.settings}
	for _, r := range w.results {
		c := *r
		c.Subject = name
		s.Results = append(s.Results, c)
	}
	for _, r := range w.programs {
		s.Programs = append(s.Programs, *r)
	}
	return s
}

// applications is what programs did on Linux.
func applications() map[programs.Trial]*programs.Result {
	return map[programs.Trial]*programs.Result{
		programs.Leaks: {Trial: programs.Leaks, Leaks: []programs.Leak{
			{Language: "Java", Handler: "dropped", Connections: 5, CloseWait: 5},
			{Language: "Java", Handler: "try with resources", Connections: 5},
		}},
		programs.Database: {Trial: programs.Database, Sessions: []programs.Session{
			{Ended: "wait_timeout", Check: "none", End: "return", Pool: "CLOSED", Server: "CLOSED"},
			{Ended: "wait_timeout", Check: "none", End: "commit", Pool: "CLOSED", Server: "CLOSED"},
			{Ended: "KILL", Check: "none", End: "return", Pool: "CLOSE_WAIT", Server: "FIN_WAIT_2"},
			{Ended: "KILL", Check: "none", End: "commit", Pool: "CLOSE_WAIT", Server: "FIN_WAIT_2"},
			{Ended: "KILL", Check: "borrow", End: "commit", Pool: "CLOSED", Server: "CLOSED"},
		}},
		programs.Pools: {Trial: programs.Pools,
			Loads: []programs.Load{{Pool: "Go", AtOnce: 50, TimeWait: 123}, {Pool: "Go, 20/route", Figures: true, AtOnce: 50}},
			Idles: []programs.Idle{
				{Figures: true, ServerSeconds: 5, Opened: 10, ServerFirst: 10},
				{Figures: true, ServerSeconds: 60, Opened: 10, ClientFirst: 5, ServerFirst: 5},
				{Figures: true, ServerSeconds: 75, Opened: 10, ClientFirst: 10},
				{Figures: true, ServerSeconds: 75, Opened: 10, Client: map[string]int{"CLOSE_WAIT": 10}, ServerFirst: 10},
				{ServerSeconds: 75, Opened: 10, ServerFirst: 5},
			}},
	}
}

// claim is the claim of a number.
func claim(t *testing.T, number int) *Claim {
	t.Helper()
	cs, err := Select([]int{number})
	if err != nil {
		t.Fatal(err)
	}
	return cs[0]
}

package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lastack/harness/experiment"
)

// fact is something that was measured besides what the picture shows.
type fact struct{ Name, Value string }

// facts are those of a result that there is something to say about.
func facts(r *experiment.Result) (out []fact) {
	add := func(name, format string, args ...any) {
		out = append(out, fact{name, fmt.Sprintf(format, args...)})
	}
	for _, what := range r.Altered {
		add("altered for this run", "%s", what)
	}
	if r.States != nil {
		add("sockets afterwards", "client %s, %s %s", r.States.Client, r.Opposite(), r.States.Server)
	}
	if r.Behind != nil && r.Behind.States != nil {
		add("sockets behind the proxy", "proxy %s, server %s", r.Behind.States.Client, r.Behind.States.Server)
	}
	if r.Report != nil && r.Report.AckDelayUS >= 0 {
		add("first FIN acknowledged", "after %s ms", short(float64(r.Report.AckDelayUS)/1000))
	}
	if r.Connections > 1 {
		add("connections", "%d%s", r.Connections, map[bool]string{true: ", of which one is shown"}[len(shown(r)) == 1])
		add("sockets in TIME_WAIT", "client %d, server %d", r.TimeWaitClient, r.TimeWaitServer)
	}
	if r.Load != nil {
		add("requests", "%d, %.0f per second", r.Load.Requests, r.Load.PerSecond)
	}
	if r.LastedMS > 0 {
		add("the state lasted", "%s s", short(r.LastedMS/1000))
	}
	if r.CPUMS > 0 {
		add("processor time at rest", "%s ms", short(r.CPUMS))
	}
	if r.Failures > 0 {
		add("the client failed", "%d times, at first: %s", r.Failures, r.Failure)
	}
	for _, e := range r.Errors {
		add("a step failed", "%s, %d times: %s%s", e.Step, e.Times, e.Text, map[bool]string{true: ", as it should"}[e.Expected])
	}
	for _, rule := range slices.Sorted(maps.Keys(r.Impaired)) {
		add("impaired", "%d by %q", r.Impaired[rule], rule)
	}
	for _, a := range r.Answers {
		add("answer", "%s: %s", a.Step, a.Got)
	}
	if r.ServerSaid != "" {
		add("the server printed", "%s", r.ServerSaid)
	}
	for _, p := range r.Prints {
		add("a check printed", "%s", strings.TrimSpace(p))
	}
	if r.Attempts > 1 && len(r.Earlier) > 0 {
		add("attempts", "%d; at first: %s", r.Attempts, r.Earlier[0])
	}
	if r.Capture != "" {
		add("capture", "%s", r.Capture)
	}
	return out
}

// short writes a number with two decimals at most.
func short(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

package experiment

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
	"lastack/harness/teardown"
)

// sample is where both sockets were at a time, as their owners told: inet_diag for the
// kernel, netstack and the table of TIME_WAIT for lastack.
type sample struct {
	from, to time.Time // of the question, and of the answer
	states   [2]string
}

// TestLadderIsTrue: on wires that lose segments, either way, the ladder has both sides in
// the states in which their sockets were at the time, on lastack and on the kernel.
func TestLadderIsTrue(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	lab.RaisePriority()
	for _, tt := range []struct{ experiment, rule string }{
		{"fin-lost", ""}, {"last-ack-lost", ""}, {"last-ack-never", ""}, {"fin-ack-lost", ""}, {"last-ack-lost-server-first", ""},
		{"server-first", "drop the 1st FIN from host"}, {"server-first", "drop the 1st FIN from peer"},
		{"three-way", "corrupt the 1st FIN from host"}, {"three-way", "corrupt the 1st FIN from peer"},
		{"linger-0", "drop the 1st RST from host"}, {"linger-0-client", "drop the 1st RST from host"},
		{"fast-open-reset", "drop the 1st RST from peer"},
		{"three-way", "drop the 1st SYN+ACK from host"}, {"three-way", "drop the 1st segment with data from peer"},
		{"four-way-slow-closer", "drop the 1st pure ACK of a FIN from host"}, {"half-close-data", "drop the first 3 FINs from peer"},
	} {
		for _, subject := range Subjects() {
			name := tt.experiment + " on " + subject
			if tt.rule != "" {
				name += ", " + tt.rule
			}
			checkTruth(t, name, tt.experiment, tt.rule, subject)
			if subject == Lastack {
				checkTruth(t, name+", light", tt.experiment, tt.rule, subject, "lastack.light=1")
			}
		}
	}
}

// checkTruth tries again where a busy machine is late: a socket's owner may be asked just
// as a segment is on its way, or seldom. What agrees in several runs adds up.
func checkTruth(t *testing.T, name, experiment, rule, subject string, settings ...string) {
	t.Helper()
	var wrong []string
	agree := 0
	for range 16 {
		e := named(t, experiment, rule, settings...)
		r, seen := truth(t, e, subject)
		var compared int
		if wrong, compared = contradictions(r, seen); len(wrong) == 0 {
			agree += compared
		}
		if agree >= 5 {
			t.Logf("%s: %d samples agree", name, agree)
			return
		}
	}
	t.Errorf("%s: %d samples agree; the last run: %q", name, agree, wrong)
}

func named(t *testing.T, name, rule string, settings ...string) *Experiment {
	t.Helper()
	content, err := os.ReadFile("corpus/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(name+".yaml", content)
	if err != nil {
		t.Fatal(err)
	}
	e.Repeat = 1
	var rules []string
	if rule != "" {
		rules = []string{rule}
	}
	var cfg Config
	if err := cfg.ParseAlterations(settings, rules); err != nil {
		t.Fatal(err)
	}
	return cfg.altered(e)
}

// truth runs an experiment while it asks both sides, every millisecond or so.
func truth(t *testing.T, e *Experiment, subject string) (r *teardown.Report, seen []sample) {
	t.Helper()
	a := &attempt{exp: e}
	var err error
	if a.ground, err = raise(t.Context(), e, subject, nil); err != nil {
		t.Skipf("no wire here: %v", err)
	}
	defer func() {
		for _, c := range a.open {
			_ = c.Close()
		}
		if err := a.ground.Close(); err != nil {
			t.Error(err)
		}
	}()
	if a.watch, err = startWatch(t.Context(), a.ground.Near, linkName, false); err != nil {
		t.Fatal(err)
	}
	defer a.watch.abandon()
	a.clock = lab.StartLate(t.Context())
	stop, asked := make(chan struct{}), sync.WaitGroup{}
	asked.Go(func() { seen = a.ask(stop) })
	err = a.observe(t.Context())
	close(stop)
	asked.Wait()
	a.clock.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.watch.finish(); err != nil {
		t.Fatal(err)
	}
	if len(a.ground.hits.counts()) == 0 {
		t.Errorf("%s: nothing fell to a rule", e.Name)
	}
	a.watch.retell(a.watch.records(a.ground.hits.trace.Take()))
	reports := a.watch.reports()
	if len(reports) != 1 {
		t.Fatalf("%d connections", len(reports))
	}
	return &reports[0], seen
}

// ask samples the states of the first connection until it is told to stop.
func (a *attempt) ask(stop <-chan struct{}) (seen []sample) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return seen
		case <-tick.C:
		}
		pairs := a.watch.pairs()
		if len(pairs) == 0 {
			continue
		}
		from := time.Now()
		st, err := a.states(0, pairs[0])
		if err == nil {
			seen = append(seen, sample{from, time.Now(), [2]string{st.Client, st.Server}})
		}
	}
}

// contradictions compares the samples with the ladder from its first line of the close on,
// but for those that were taken close to a line: then a segment is on its way, or its
// receiver at work.
func contradictions(r *teardown.Report, seen []sample) (wrong []string, compared int) {
	const near = 15 * time.Millisecond
	lines := append(append([]teardown.Line{}, r.Opening...), r.Segments...)
	at := func(i int) time.Time {
		return r.Start.Add(time.Duration(lines[i].TimeUS-lines[0].TimeUS) * time.Microsecond)
	}
	for _, s := range seen {
		for i := range lines {
			last := i == len(lines)-1
			if s.from.Before(at(i).Add(near)) || !last && s.to.After(at(i+1).Add(-near)) {
				continue
			}
			compared++
			if s.states != lines[i].States {
				wrong = append(wrong, fmt.Sprintf("%v after %s %s: the sockets are %s, the ladder has %s",
					s.from.Sub(at(i)).Round(time.Millisecond), lines[i].From, lines[i].Flags, s.states, lines[i].States))
			}
			break
		}
	}
	return wrong, compared
}

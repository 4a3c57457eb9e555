package claims

import (
	"strings"
	"testing"

	"lastack/harness/experiment"
	"lastack/harness/experiment/programs"
)

// TestAsOnLinux: where everything is as it was on Linux, every claim gets the
// verdict that it got there.
func TestAsOnLinux(t *testing.T) {
	on := linux(t).subject(experiment.Kernel)
	for _, c := range All() {
		o := c.Judge(on)
		if o.Verdict == NotTried {
			t.Errorf("claim %d: %s: %s", c.Number, o.Verdict, o.Evidence)
		}
		if !o.AsExpected {
			t.Errorf("claim %d: %s, want %s: %s", c.Number, o.Verdict, c.Expect, o.Evidence)
		}
		// With the subject's name it is to be one line, or little more.
		if o.Evidence == "" || len(o.Evidence) > 75 {
			t.Errorf("claim %d: evidence of %d characters: %s", c.Number, len(o.Evidence), o.Evidence)
		}
	}
}

// otherwise are worlds in which a kernel behaves otherwise, and the verdict that
// the claim gets there.
var otherwise = []struct {
	claim int
	what  string
	alter func(t *testing.T, w *world)
	want  Mark
	// says is a part of the evidence.
	says string
}{
	{1, "no FIN", closes("three-way", resetOnly, "CLOSED", "CLOSED"), No, "no FIN"},
	{2, "data after close() is taken", closes("data-after-close", data, "TIME_WAIT", "CLOSED"), Holds, "1000 bytes"},
	{2, "nothing waits", closes("close-wait-leak", three, "TIME_WAIT", "CLOSED"), No, "CLOSED"},
	{3, "FIN_WAIT_1 stays", closes("fin-wait-2-half-close", "1 c FIN+ACK", "FIN_WAIT_1", "CLOSE_WAIT"), No, "FIN_WAIT_1"},
	{4, "no second FIN", closes("close-wait-end", leak, "FIN_WAIT_2", "CLOSE_WAIT"), No, "no FIN"},
	{5, "the server holds none", closes("server-first", threeBack, "CLOSED", "CLOSED"), No, "CLOSED, CLOSED"},
	{6, "always four, never RST", func(t *testing.T, w *world) {
		w.set(t, "three-way", four(0.1, 0.2), "TIME_WAIT", "CLOSED")
		w.set(t, "unread-data", four(0.1, 0.2), "TIME_WAIT", "CLOSED")
		w.set(t, "simultaneous", four(0.1, 0.2), "TIME_WAIT", "CLOSED")
	}, Holds, "3 skip none; crossed FINs no CLOSING; unread data no RST"},
	{6, "never four", closes("four-way-slow-closer", three, "TIME_WAIT", "CLOSED"), No, "4 not as drawn"},
	{7, "a round trip long", lasts("time-wait-60s", 0.1), Holds, "0.05 ms"},
	{8, "the peer closed all the same", closes("time-wait-unheard-60s", three, "CLOSED", "CLOSED"), Holds, "FINs are lost, CLOSED"},
	{8, "a sound close leaves LAST_ACK", closes("three-way", three, "TIME_WAIT", "LAST_ACK"), No, "LAST_ACK if sound"},
	{9, "three without data", closes("four-way-slow-closer", three, "TIME_WAIT", "CLOSED"), Holds, "three-way with 0"},
	{9, "three with data", closes("half-close-data", three, "TIME_WAIT", "CLOSED"), No, "three-way with 0"},
	{10, "the server's are gone", closes("close-wait-many", three, "TIME_WAIT", "CLOSED"), No, "CLOSED"},
	{11, "no limit", func(_ *testing.T, w *world) { w.results["close-wait-emfile"].ServerSaid = "20 accepted" }, No, "20 accepted"},
	{12, "a timer ends it", closes("close-wait-leak", leak, "FIN_WAIT_2", "CLOSED"), Holds, "left alone still CLOSED"},
	{13, "everybody closes", func(_ *testing.T, w *world) { w.programs[programs.Leaks].Leaks[0].CloseWait = 0 }, No, "left 0 of 10"},
	{13, "a commit closes", func(_ *testing.T, w *world) { w.programs[programs.Database].Sessions[3].Pool = "CLOSED" }, Holds, "committed CLOSED"},
	{13, "only transactions do", func(_ *testing.T, w *world) {
		w.programs[programs.Leaks].Leaks[0].CloseWait = 0
		w.programs[programs.Database].Sessions[3].Pool = "CLOSED"
	}, InPart, "left 0 of 10"},
	{14, "sockets that spin", func(_ *testing.T, w *world) { w.results["close-wait-idle"].CPUMS = 900 }, Holds, "900.0 ms of CPU"},
	{15, "lower case counts", printed("netstat-time-wait", "3", "3"), Holds, "3 counted in lower case"},
	{15, "nothing counts", printed("netstat-time-wait", "0", "0"), No, "0 in upper"},
	{16, "silence", closes("fin-ack-lost", leak, "FIN_WAIT_2", "CLOSE_WAIT"), No, "did not come again"},
	{16, "the server's", closes("fin-ack-lost", lastACKLostBy("c", "s"), "TIME_WAIT", "CLOSED"), No, "by the server"},
	{17, "the client is always first", closes("http-connection-close", three, "TIME_WAIT", "CLOSED"), Holds, "three-way, client"},
	{17, "always four", func(t *testing.T, w *world) {
		w.set(t, "http-short", four(1, 2), "TIME_WAIT", "CLOSED")
		w.set(t, "http-connection-close", four(1, 2), "TIME_WAIT", "CLOSED")
	}, No, "four-way"},
	{18, "late is three, too", closes("four-way-slow-closer", "1 c FIN+ACK\n 61 s FIN+ACK\n 61.1 c ACK", "TIME_WAIT", "CLOSED"), Holds, "three-way at 60.0 ms"},
	{19, "no connection is another", closes("slow-closer-silent", four(42, 60), "TIME_WAIT", "CLOSED"), Holds, "42.0 ms without any"},
	{19, "all at once", func(t *testing.T, w *world) {
		for _, name := range []string{"four-way-slow-closer", "slow-closer-300", "close-wait-end"} {
			w.set(t, name, four(0.1, 300), "TIME_WAIT", "CLOSED")
		}
	}, No, "0.1 ms after"},
	{20, "merged", closes("slow-closer-300", "1 c FIN+ACK\n 41 s FIN+ACK\n 41.1 c ACK", "TIME_WAIT", "CLOSED"), Holds, "FIN+ACK at 40.0 ms"},
	{20, "merged, but late", closes("slow-closer-300", "1 c FIN+ACK\n 301 s FIN+ACK\n 301.1 c ACK", "TIME_WAIT", "CLOSED"), InPart, "300.0 ms"},
	{21, "nothing saved", closes("three-way", four(0.1, 0.2), "TIME_WAIT", "CLOSED"), No, "4 segments"},
	{22, "an ACK back and forth", closes("four-way-slow-closer",
		"1 c FIN+ACK\n 42 s ACK\n 43 c ACK\n 60 s FIN+ACK\n 61 c ACK", "TIME_WAIT", "CLOSED"), Holds, "5 segments in 5"},
	{23, "four and no more", closes("keep-alive-push", four(1, 2), "TIME_WAIT", "CLOSED"), Holds, "in 4 segments"},
	{23, "three", closes("keep-alive-push", three, "TIME_WAIT", "CLOSED"), No, "three-way"},
	{24, "two minutes", lasts("time-wait-60s", 120000), Holds, "120.0 s"},
	{25, "two minutes", lasts("time-wait-60s", 120000), No, "120.0 s"},
	{26, "one way only", closes("last-ack-lost", three, "TIME_WAIT", "CLOSED"), InPart, "no time and 208.0 ms"},
	{26, "TIME_WAIT is gone", func(t *testing.T, w *world) {
		w.count("last-ack-lost", 1, 0, 0, 0)
		w.set(t, "last-ack-lost-server-first", threeBack, "CLOSED", "CLOSED")
	}, No, "and no time"},
	{26, "no restart", lasts("time-wait-restart-60s", 40000), InPart, "40.0 s from there"},
	{27, "a RST", closes("time-wait-none", three+"\n 2 s FIN+ACK seq=101\n 2.1 c RST", "CLOSED", "CLOSED"), Holds, "ends in RST"},
	{27, "a FIN gets nothing", closes("fin-after-fin-wait-2", four(43, 2500), "TIME_WAIT", "CLOSED"), No, "gets none"},
	{28, "nothing old gets in", func(_ *testing.T, w *world) {
		w.results["old-data-let-in"].Answers = []experiment.Answer{{Step: "read", Got: "NEW DATA"}}
	}, No, `answered "NEW DATA"`},
	{29, "ports do not count", counts("port-exhaustion", 13, 0, 13, 0), Holds, "13 left TIME_WAIT"},
	{30, "a wide default", setting(portRange, "1024 65535"), Holds, "64512 ports"},
	{30, "nearly as wide", setting(portRange, "10000 65535"), InPart, "55536 ports"},
	{30, "none known", setting(portRange, "many"), Unclear, "as two ports"},
	{31, "it does not fail", counts("port-exhaustion", 13, 0, 13, 0), No, "0 failed"},
	{31, "it fails sooner", setting(portRange, "40000 40999"), InPart, "1000"},
	{32, "netstat prints a dash", printed("netstat-time-wait", "0", "0"), No, "0 counted"},
	{33, "ss prints an underscore", printed("grep-time-wait", "3", "0"), Holds, "3 counted"},
	{34, "ss prints an underscore", printed("grep-time-wait", "3", "0"), Holds, "counts 3"},
	{35, "without timestamps, too", counts("ports-tw-reuse-no-timestamps", 13, 0, 10, 0), Holds, "0 without"},
	{35, "of no use", counts("ports-tw-reuse", 10, 3, 10, 0), No, "3 of 13"},
	{36, "by the ISN, too", counts("ports-tw-reuse-no-timestamps", 13, 0, 10, 0), Holds, "0 of 13"},
	{36, "neither", got("time-wait-syn-isn", "ACK"), No, "SYN in by ISN ACK"},
	{36, "in, whatever the numbers", got("time-wait-syn-refused", "SYN+ACK"), No, "else SYN+ACK"},
	{37, "the server needs it", func(_ *testing.T, w *world) {
		w.count("time-wait-reuse-syn", 1, 1, 0, 1)
		w.count("ports-tw-reuse", 10, 3, 10, 0)
	}, Holds, "needs it"},
	{37, "both need it", counts("time-wait-reuse-syn", 1, 1, 0, 1), InPart, "needs it"},
	{38, "an old kernel", setting(twRecycle, "0"), InPart, "0 by default; what it breaks was not tried"},
	{38, "one that harms nobody", recycle("SYN+ACK"), InPart, "got SYN+ACK"},
	{38, "one that harms", recycle("nothing"), Holds, "got nothing"},
	{39, "five seconds", lasts("time-wait-60s", 5000), Holds, "5.0 s"},
	{40, "unbounded", counts("time-wait-none", 1, 0, 1, 0), No, "limit 0: 1"},
	{40, "not counted", counts("time-wait-limit", 6, 0, 6, 0), No, "3: 6 of 6"},
	{41, "not more", counts("ports-wider-range", 10, 3, 10, 0), No, "10 and 3 with 20"},
	{41, "more, not enough", counts("ports-wider-range", 12, 1, 12, 0), InPart, "12 and 1"},
	{42, "the client's", counts("server-first", 1, 0, 1, 0), No, "client 1"},
	{42, "the ports run out", counts("ports-server-first", 10, 3, 0, 10), InPart, "3 of 13"},
	{43, "the pool wastes", counts("http-pool", 12, 0, 12, 0), InPart, "pool 12"},
	{43, "nothing helps", func(_ *testing.T, w *world) {
		w.count("http-pool", 12, 0, 12, 0)
		w.count("http-keep-alive", 10, 0, 10, 0)
	}, No, "kept alive 10"},
	{44, "as many either way", counts("http-keep-alive", 10, 0, 10, 0), No, "10 the other"},
	{45, "20 a route close under load", func(_ *testing.T, w *world) { w.programs[programs.Pools].Loads[1].TimeWait = 7 }, No, "TIME_WAIT 7"},
	{45, "60 s are never too long", func(_ *testing.T, w *world) {
		for i := range w.programs[programs.Pools].Idles {
			w.programs[programs.Pools].Idles[i].ServerFirst = 0
		}
	}, Holds, "5, 60, 75 s first: 0/10, 0/10, 0/20"},
	{46, "three round trips and two", opens(300, 200, 73), Holds, "after 300 ms, with Fast Open after 200 ms"},
	{46, "Fast Open saves nothing", opens(201, 201, 73), InPart, "with Fast Open after 201 ms"},
	{47, "no data in the SYN", opens(201, 201, 0), No, "first 0, then 0"},
	{48, "nothing arrives", closes("half-close-data", three, "TIME_WAIT", "CLOSED"), No, "0 bytes"},
	{48, "no TIME_WAIT", closes("half-close-time-wait-first", three, "CLOSED", "CLOSED"), InPart, "CLOSED"},
	{49, "the client closes", closes("http-1-0", three, "TIME_WAIT", "CLOSED"), No, "the client closed"},
}

// TestOtherwise: another kernel gets another verdict, with its own figures.
func TestOtherwise(t *testing.T) {
	covered := map[int]bool{}
	for _, tt := range otherwise {
		covered[tt.claim] = true
		w := linux(t)
		before := claim(t, tt.claim).Judge(w.subject(experiment.Kernel))
		tt.alter(t, w)
		o := claim(t, tt.claim).Judge(w.subject(experiment.Kernel))
		if o.Verdict != tt.want || !strings.Contains(o.Evidence, tt.says) {
			t.Errorf("claim %d, %s: %s, want %s; %q is to be in: %s", tt.claim, tt.what, o.Verdict, tt.want, tt.says, o.Evidence)
		}
		if o.Evidence == before.Evidence {
			t.Errorf("claim %d, %s: the evidence is the same: %s", tt.claim, tt.what, o.Evidence)
		}
	}
	for _, c := range All() {
		if !covered[c.Number] {
			t.Errorf("claim %d: no world in which it comes out otherwise", c.Number)
		}
	}
}

func closes(name, closing, client, server string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) { w.set(t, name, closing, client, server) }
}

func counts(name string, connections, failures, client, server int) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.count(name, connections, failures, client, server) }
}

func lasts(name string, ms float64) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.results[name].LastedMS = ms }
}

// got has a crafted segment answered otherwise.
func got(name, answer string) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) {
		w.results[name].Answers = []experiment.Answer{{Step: "connect", Got: answer}}
	}
}

// recycle is a kernel with tcp_tw_recycle, and what the second client behind a
// NAT got.
func recycle(second string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		w.settings[twRecycle] = "0"
		r := w.set(t, "tw-recycle-nat", threeBack, "CLOSED", "CLOSED")
		r.Answers = []experiment.Answer{{Got: "SYN+ACK"}, {Got: second}, {Got: "SYN+ACK"}}
	}
}

func printed(name string, prints ...string) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.results[name].Prints = prints }
}

func setting(name, value string) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.settings[name] = value }
}

// TestUnclear: a failed experiment never confirms what was expected, and what
// its figures say is kept.
func TestUnclear(t *testing.T) {
	w := linux(t)
	r := w.set(t, "three-way", four(0.1, 0.2), "TIME_WAIT", "CLOSED")
	r.Verdict, r.Why = experiment.Fail, "the close is four-way, expected three-way"
	o := claim(t, 21).Judge(w.subject(experiment.Kernel))
	if o.Verdict != Unclear || o.Measured != No || o.AsExpected {
		t.Errorf("%+v", o)
	}
	if want := "three-way failed: the close is four-way, expected three-way (as measured, it does not hold: "; !strings.HasPrefix(o.Evidence, want) {
		t.Errorf("evidence: %s", o.Evidence)
	}
	// Nothing connected: there are no figures.
	r.Report, r.States = nil, nil
	if o = claim(t, 21).Judge(w.subject(experiment.Kernel)); o.Verdict != Unclear || o.Measured != "" {
		t.Errorf("%+v", o)
	}
	r.Verdict, r.Why = experiment.Pass, ""
	if o = claim(t, 21).Judge(w.subject(experiment.Kernel)); o.Evidence != "three-way saw no connection" {
		t.Errorf("%+v", o)
	}
}

// TestNotTried: what was left out is said to be, with the reason, and is not
// held against anybody.
func TestNotTried(t *testing.T) {
	w := linux(t)
	w.results["time-wait-60s"] = &experiment.Result{
		Experiment: "time-wait-60s", Verdict: experiment.Skipped, Why: "it takes more than 10 seconds; run it with --slow",
	}
	w.programs[programs.Database] = &programs.Result{Trial: programs.Database, Skipped: []string{"no Java", "no MariaDB"}}
	delete(w.programs, programs.Pools)
	delete(w.results, "three-way")
	delete(w.results, "fast-open-second")
	for number, want := range map[int]string{
		24: "time-wait-60s: it takes more than 10 seconds; run it with --slow",
		1:  "three-way was not run",
		13: "database: no Java; no MariaDB",
		45: "pools was not run",
		46: "fast-open-second was not run",
	} {
		o := claim(t, number).Judge(w.subject(experiment.Kernel))
		if o.Verdict != NotTried || o.Evidence != want || !o.AsExpected {
			t.Errorf("claim %d: %+v", number, o)
		}
	}
}

// TestOnLastack: what is meant to differ is expected to.
func TestOnLastack(t *testing.T) {
	w := linux(t)
	recycle("nothing")(t, w)
	for number, want := range map[int]Mark{19: InPart, 38: Holds, 20: No} {
		if o := claim(t, number).Judge(w.subject(experiment.Lastack)); o.Verdict != want || !o.AsExpected {
			t.Errorf("claim %d on lastack: %+v", number, o)
		}
	}
	if o := claim(t, 38).Judge(w.subject(experiment.Kernel)); o.AsExpected {
		t.Errorf("claim 38 on a kernel with the setting: %+v", o)
	}
}

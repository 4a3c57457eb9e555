package bench

import (
	"fmt"
	"slices"
	"time"
)

// Case is a measure with the subjects that it compares.
type Case struct {
	// Name is what the command line and the report call it, Group the word by which
	// several are asked for.
	Name, Group, Title string
	run                run
	subjects           []string
	metrics            []metric
	claims             []claim
	// atMost bounds the rounds of a case that takes minutes; 0 is no bound.
	atMost int
}

// metric is one quantity of a case.
type metric struct {
	key, unit string
	// digits behind the decimal point.
	digits int
}

// claim is a goal: a subject's metric, or its ratio to another subject's in the same
// round if to is given, is to be at least, or at most, a value.
type claim struct {
	key, of, to string
	goal        float64
	atMost      bool
}

// Groups of cases, in their order.
var Groups = []string{"churn", "crowd", "sustained", "offered", "bulk", "latency", "close", "delayed-ack", "tracing", "memory"}

// everybody is compared where there is no reason to leave one out.
var everybody = []string{veth, throughForward, plain, lastack, lastackLight}

// catalogue is every case, at full length or quick.
func catalogue(quick bool) []Case {
	short, long := 3*time.Second, 5*time.Second
	if quick {
		short, long = 250*time.Millisecond, 150*time.Millisecond
	}
	cases := churnCases(short)
	cases = append(cases, crowdCases(short)...)
	cases = append(cases,
		sustainedCase(long),
		offeredCase(short),
	)
	cases = append(cases, bulkCases(short)...)
	cases = append(cases, steadyCases(short)...)
	cases = append(cases, delayedACKCases(short)...)
	return append(cases, tracingCase(short), idleCase(quick), timeWaitCase(quick), standingCase(short, quick))
}

func churnCases(window time.Duration) []Case {
	var cases []Case
	for _, clientFirst := range []bool{false, true} {
		who := "server"
		if clientFirst {
			who = "client"
		}
		for _, workers := range []int{1, 16, 64} {
			cases = append(cases, Case{
				Name: fmt.Sprintf("churn-%s-first-%d", who, workers), Group: "churn",
				Title:    fmt.Sprintf("short connections, the %s closes first, %d at once", who, workers),
				run:      run{Measure: "churn", ClientFirst: clientFirst, Workers: workers, Windows: 1, Window: window},
				subjects: append(slices.Clone(everybody), lastackServe),
				metrics:  []metric{{"rate", "conn/s", 0}, {"cpu_us", "us CPU/conn", 0}, {"packets", "packets", 1}},
				claims:   churnClaims(clientFirst, workers),
			})
		}
	}
	return cases
}

func churnClaims(clientFirst bool, workers int) []claim {
	packets := claim{key: "packets", of: lastack, goal: 9.2, atMost: true}
	ratio := func(to string, goal float64) claim { return claim{key: "rate", of: lastack, to: to, goal: goal} }
	lightly := func(to string, goal float64) claim { return claim{key: "rate", of: lastackLight, to: to, goal: goal} }
	switch {
	case clientFirst:
		return []claim{ratio(plain, 1)}
	case workers == 1:
		return []claim{ratio(plain, 1), lightly(plain, 2)}
	case workers == 16:
		return []claim{ratio(plain, 2), ratio(throughForward, 0.9), lightly(plain, 2.5), lightly(throughForward, 1.3), packets}
	}
	return []claim{ratio(plain, 1.6), ratio(throughForward, 0.6), lightly(plain, 2.5), packets}
}

// crowdCases are more connections at once than the queue of a TUN has room for their SYNs.
func crowdCases(window time.Duration) []Case {
	var cases []Case
	for _, workers := range []int{256, 1024} {
		cases = append(cases, Case{
			Name: fmt.Sprintf("crowd-%d", workers), Group: "crowd",
			Title:    fmt.Sprintf("short connections, the server closes first, %d at once", workers),
			run:      run{Measure: "churn", Workers: workers, Windows: 1, Window: window},
			subjects: []string{plain, lastack, lastackLight},
			metrics: []metric{
				{"rate", "conn/s", 0}, {"cpu_us", "us CPU/conn", 0}, {"packets", "packets", 1}, {"lost", "% lost in the TUN", 1},
			},
			claims: []claim{{key: "rate", of: lastackLight, to: plain, goal: 1.5}},
		})
	}
	return cases
}

func sustainedCase(window time.Duration) Case {
	return Case{
		Name: "sustained", Group: "sustained", Title: "six windows of short connections, the server closes first, 16 at once",
		run:      run{Measure: "churn", Workers: 16, Windows: 6, Window: window},
		subjects: []string{plain, lastack, lastackLight},
		metrics:  []metric{{"rate", "conn/s", 0}, {"last_first", "last/first window", 2}, {"cpu_us", "us CPU/conn", 0}},
		claims: []claim{
			{key: "rate", of: lastack, to: plain, goal: 4},
			{key: "last_first", of: lastack, goal: 0.95},
			{key: "rate", of: lastackLight, to: plain, goal: 3},
			{key: "last_first", of: lastackLight, goal: 0.95},
		},
	}
}

func offeredCase(window time.Duration) Case {
	return Case{
		Name: "offered", Group: "offered", Title: "connections begun at 60% of the subject's own rate, the server closes first",
		run:      run{Measure: "offered", Workers: 64, Windows: 1, Window: window},
		subjects: []string{throughForward, plain, lastack},
		metrics:  []metric{{"p50_ms", "ms p50", 2}, {"p99_ms", "ms p99", 2}, {"rate", "conn/s offered", 0}, {"resets", "resets", 0}},
		claims: []claim{
			{key: "p99_ms", of: lastack, goal: 10, atMost: true},
			{key: "resets", of: lastack, goal: 0, atMost: true},
		},
	}
}

func bulkCases(window time.Duration) []Case {
	var cases []Case
	for _, from := range []bool{false, true} {
		where := "to"
		if from {
			where = "from"
		}
		cases = append(cases, Case{
			Name: "bulk-" + where, Group: "bulk", Title: "one connection " + where + " the host, MTU 1500",
			run:      run{Measure: "bulk", FromHost: from, Window: window},
			subjects: []string{veth, throughForward, throughOffload, plain, lastack, lastackLight, lastackOffload},
			metrics:  []metric{{"gbit", "Gbit/s", 2}, {"cpu_ms_per_gb", "ms CPU/GB", 0}},
			claims: []claim{
				{key: "gbit", of: lastackOffload, to: plain, goal: 10},
				{key: "gbit", of: lastackOffload, to: throughOffload, goal: 1},
				{key: "gbit", of: lastack, to: plain, goal: 1},
				{key: "gbit", of: lastackLight, to: lastack, goal: 0.97},
			},
		}, Case{
			Name: "bulk-" + where + "-mtu-65535", Group: "bulk", Title: "one connection " + where + " the host, MTU 65535",
			run:      run{Measure: "bulk", FromHost: from, Window: window},
			subjects: []string{lastackJumbo, offloadJumbo},
			metrics:  []metric{{"gbit", "Gbit/s", 2}, {"cpu_ms_per_gb", "ms CPU/GB", 0}},
			claims:   []claim{{key: "gbit", of: offloadJumbo, to: lastackJumbo, goal: 1}},
		})
	}
	return cases
}

func steadyCases(window time.Duration) []Case {
	p := []metric{{"p50_us", "us p50", 0}, {"p99_us", "us p99", 0}}
	lightly := claim{key: "p50_us", of: lastackLight, to: lastack, goal: 1.05, atMost: true}
	return []Case{
		{
			Name: "echo", Group: "latency", Title: "64 bytes there and back over one connection",
			run: run{Measure: "echo", Window: window}, subjects: everybody, metrics: p,
			claims: []claim{{key: "p50_us", of: lastack, to: plain, goal: 1, atMost: true}, lightly},
		},
		{
			Name: "close", Group: "close", Title: "from the client's FIN to the server's, one connection at a time",
			run: run{Measure: "close", Window: window}, subjects: everybody, metrics: p,
			claims: []claim{{key: "p50_us", of: lastack, to: throughForward, goal: 1.5, atMost: true}, lightly},
		},
	}
}

func delayedACKCases(window time.Duration) []Case {
	pair := []string{lastackNoDelay, lastack}
	bulk := func(from bool, off, on, name, title string) Case {
		return Case{
			Name: name, Group: "delayed-ack", Title: title,
			run:      run{Measure: "bulk", FromHost: from, Window: window},
			subjects: []string{off, on}, metrics: []metric{{"gbit", "Gbit/s", 2}},
			claims: []claim{{key: "gbit", of: on, to: off, goal: 0.97}},
		}
	}
	return []Case{
		{
			Name: "delayed-ack-churn", Group: "delayed-ack", Title: "delayed ACK on against off: short connections, 16 at once",
			run: run{Measure: "churn", Workers: 16, Windows: 1, Window: window}, subjects: pair,
			metrics: []metric{{"rate", "conn/s", 0}, {"packets", "packets", 1}},
			claims:  []claim{{key: "rate", of: lastack, to: lastackNoDelay, goal: 1}},
		},
		bulk(false, lastackNoDelay, lastack, "delayed-ack-bulk-to", "delayed ACK on against off: to the host"),
		bulk(true, lastackNoDelay, lastack, "delayed-ack-bulk-from", "delayed ACK on against off: from the host"),
		bulk(false, offloadNoDelay, lastackOffload, "delayed-ack-offload-to", "delayed ACK on against off: to the host, with offload"),
		{
			Name: "delayed-ack-echo", Group: "delayed-ack", Title: "delayed ACK on against off: 64 bytes there and back",
			run: run{Measure: "echo", Window: window}, subjects: pair,
			metrics: []metric{{"p50_us", "us p50", 0}, {"p99_us", "us p99", 0}},
			claims:  []claim{{key: "p50_us", of: lastack, to: lastackNoDelay, goal: 1.05, atMost: true}},
		},
	}
}

func tracingCase(window time.Duration) Case {
	return Case{
		Name: "tracing", Group: "tracing", Title: "short connections with every segment recorded, 16 at once",
		run:      run{Measure: "churn", Workers: 16, Windows: 1, Window: window},
		subjects: []string{lastack, lastackTraced},
		metrics:  []metric{{"rate", "conn/s", 0}, {"cpu_us", "us CPU/conn", 0}},
		claims:   []claim{{key: "rate", of: lastackTraced, to: lastack, goal: 0.95}},
	}
}

func idleCase(quick bool) Case {
	count := 5000
	if quick {
		count = 500
	}
	return Case{
		Name: "idle", Group: "memory", Title: "the server's memory for an idle connection",
		run:      run{Measure: "idle", Count: count},
		subjects: []string{plain, lastack, lastackLight},
		metrics:  []metric{{"heap_bytes", "bytes", 0}},
		claims: []claim{
			{key: "heap_bytes", of: lastack, to: plain, goal: 1.25, atMost: true},
			{key: "heap_bytes", of: lastackLight, goal: 4096, atMost: true},
		},
	}
}

func timeWaitCase(quick bool) Case {
	count := 50_000
	if quick {
		count = 4000
	}
	return Case{
		Name: "time-wait", Group: "memory", Title: "the server's memory for a connection in TIME_WAIT",
		run:      run{Measure: "time-wait", Count: count, Workers: 16},
		subjects: []string{plain, lastack},
		metrics:  []metric{{"heap_bytes", "bytes", 0}},
		claims:   []claim{{key: "heap_bytes", of: lastack, to: plain, goal: 0.1, atMost: true}},
	}
}

// standingCase fills TIME_WAIT by connections, each with a 4-tuple of its own.
func standingCase(window time.Duration, quick bool) Case {
	count := 600_000
	if quick {
		count = 4000
	}
	return Case{
		Name: "standing", Group: "memory", Title: fmt.Sprintf("%d connections standing in TIME_WAIT: the server's rate and memory", count),
		run:      run{Measure: "standing", Count: count, Workers: 16, Windows: 1, Window: window},
		subjects: []string{lastackSlow}, atMost: 2,
		metrics: []metric{
			{"held", "in TIME_WAIT", 0}, {"last_first", "rate after/before", 2}, {"heap_bytes", "bytes", 0}, {"gc_ms", "ms GC", 1},
		},
		claims: []claim{
			{key: "held", of: lastackSlow, goal: float64(count)},
			{key: "last_first", of: lastackSlow, goal: 0.95},
			{key: "heap_bytes", of: lastackSlow, goal: 64, atMost: true},
			{key: "gc_ms", of: lastackSlow, goal: 5, atMost: true},
		},
	}
}

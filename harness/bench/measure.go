package bench

// measure is a way to put load on a server.
type measure struct {
	// kind is the server that it needs.
	kind func(*run) kind
	// client is carried out in the clients' process.
	client func(*run) (sample, error)
	// settle adds what the host's process saw.
	settle func(s sample, g gauges, pauses []reading)
}

var measures = map[string]measure{
	"churn":     {kind: shortKind, client: churn, settle: perConnection},
	"offered":   {kind: shortKind, client: offered, settle: perConnection},
	"bulk":      {kind: bulkKind, client: bulk, settle: perGigabyte},
	"echo":      {kind: always(echoes), client: echo, settle: nothing},
	"close":     {kind: always(echoes), client: closing, settle: nothing},
	"idle":      {kind: always(echoes), client: idle, settle: perHeld},
	"time-wait": {kind: shortKind, client: leave, settle: perHeld},
	"standing":  {kind: shortKind, client: standing, settle: whileStanding},
}

func always(k kind) func(*run) kind { return func(*run) kind { return k } }

func shortKind(r *run) kind {
	if r.ClientFirst {
		return echoes
	}
	return closesFirst
}

func bulkKind(r *run) kind {
	if r.FromHost {
		return sends
	}
	return discards
}

func nothing(sample, gauges, []reading) {}

// perConnection adds the server's processor time, and the packets on the link, for
// each connection that was made, and of how many in a hundred a packet was lost.
func perConnection(s sample, g gauges, _ []reading) {
	if made := s["made"]; made > 0 {
		s["cpu_us"] = micros(g.cpu) / made
		s["packets"] = g.packets / made
		s["lost"] = 100 * g.lost / made
	}
	s["resets"] = g.resets
}

func perGigabyte(s sample, g gauges, _ []reading) {
	if s["bytes"] > 0 {
		s["cpu_ms_per_gb"] = g.cpu.Seconds() * 1e3 / (s["bytes"] / 1e9)
	}
}

// perHeld divides what the heap grew by between two pauses of the clients.
func perHeld(s sample, _ gauges, pauses []reading) {
	if len(pauses) == 2 && s["held"] > 0 {
		s["heap_bytes"] = (pauses[1].heap - pauses[0].heap) / s["held"]
	}
}

// whileStanding has what the subject itself counts in TIME_WAIT, and the memory for
// what came to stand there between the clients' two pauses.
func whileStanding(s sample, _ gauges, pauses []reading) {
	if len(pauses) != 2 {
		return
	}
	empty, full := pauses[0], pauses[1]
	s["held"] = float64(full.timeWaits)
	s["gc_ms"] = full.collection.Seconds() * 1e3
	if came := full.timeWaits - empty.timeWaits; came > 0 {
		s["heap_bytes"] = (full.heap - empty.heap) / float64(came)
	}
}

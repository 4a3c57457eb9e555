package experiment

import (
	"maps"
	"sync"

	"lastack/harness/host/trace"
	"lastack/stack/closepath"
	"lastack/stack/impair"
)

// Rules make a wire bad.
type Rules []Rule

func (r Rules) rules() []impair.Rule {
	var out []impair.Rule
	for _, x := range r {
		out = append(out, x.Rule)
	}
	return out
}

// Rule is an impairment as a file has it.
type Rule struct{ impair.Rule }

func (r *Rule) parse(text string) (err error) {
	r.Rule, err = impair.Parse(text)
	return err
}

func (Rule) describe() (what, pattern string) {
	return `rule such as "drop the 1st pure ACK of a FIN from host"`, `^(drop|delay|duplicate|reorder|corrupt) .* from (host|peer|either)`
}

// MarshalText gives the rule in its canonical words.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// hits counts the segments that fell to each rule, and keeps what the close path
// saw of all. Make it with newHits.
type hits struct {
	trace *trace.Recorder
	mu    sync.Mutex
	n     map[string]int
}

func newHits() *hits { return &hits{trace: trace.New(trace.Config{})} }

// tap is the close path's.
func (h *hits) tap(e *closepath.Event) {
	h.trace.Tap(e)
	if e.Kind != closepath.Impaired {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n == nil {
		h.n = map[string]int{}
	}
	h.n[e.Rule.String()]++
}

func (h *hits) counts() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.n)
}

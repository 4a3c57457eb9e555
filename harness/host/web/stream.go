package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A stream looks for changes every tick, and sends at most so many connections then; numbers
// come every gaugeEvery ticks. A reader that takes nothing for streamPatience is given up.
const (
	tick           = 100 * time.Millisecond
	perTick        = 100
	gaugeEvery     = 10
	streamPatience = 15 * time.Second
)

// events streams what changes, as server-sent events: "connections" with a list of Summary,
// "gauge" with a Gauge.
func (s *site) events(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		fail(w, http.StatusServiceUnavailable, fmt.Sprintf("%d pages look at this host already; close one", maxStreams))
		return
	}
	out := &stream{w: w, c: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	every := time.NewTicker(tick)
	defer every.Stop()
	seq := uint64(0)
	for n := 0; out.err == nil; n++ {
		var list []Summary
		if list, seq = s.Board.Since(seq, perTick); len(list) > 0 {
			out.send("connections", list)
		}
		if n%gaugeEvery == 0 {
			out.send("gauge", s.gauge.get())
		}
		select {
		case <-every.C:
		case <-r.Context().Done():
			return
		}
	}
}

// stream writes events until that fails.
type stream struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	err error
}

func (o *stream) send(event string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		err = o.c.SetWriteDeadline(time.Now().Add(streamPatience))
	}
	if err == nil {
		_, err = fmt.Fprintf(o.w, "event: %s\ndata: %s\n\n", event, data)
	}
	if err == nil {
		err = o.c.Flush()
	}
	if o.err == nil {
		o.err = err
	}
}

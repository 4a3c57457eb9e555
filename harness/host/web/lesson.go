package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
)

// lessonPatience is how long a lesson may take, retries on a busy machine included.
const lessonPatience = 2 * time.Minute

// learn runs a lesson on both subjects, and answers with what was seen.
func (s *site) learn(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(s.Lessons, func(l Lesson) bool { return l.ID == r.PathValue("id") })
	if i < 0 || s.Run == nil {
		fail(w, http.StatusNotFound, "there is no such experiment or claim here")
		return
	}
	select {
	case s.lesson <- struct{}{}:
		defer func() { <-s.lesson }()
	default:
		fail(w, http.StatusConflict, "another experiment runs; wait for its end")
		return
	}
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(lessonPatience + time.Second)); err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	l := &s.Lessons[i]
	ctx, stop := context.WithTimeout(r.Context(), lessonPatience)
	defer stop()
	outcomes, err := s.Run(ctx, l)
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	answer := answer{Truth: l.Truth, Wrong: l.Wrong, Outcomes: []side{}}
	for i := range outcomes {
		if wantsChinese(r) && outcomes[i].Report != nil {
			outcomes[i].Report = inChinese(outcomes[i].Report)
		}
		answer.Outcomes = append(answer.Outcomes, newSide(&outcomes[i]))
	}
	reply(w, answer)
}

// answer is a lesson's.
type answer struct {
	Truth    string `json:"truth,omitempty"`
	Wrong    string `json:"wrong,omitempty"`
	Outcomes []side `json:"outcomes"`
}

// side is an outcome with its picture.
type side struct {
	Outcome
	Close    teardown.Kind `json:"close,omitempty"`
	TimeWait teardown.Who  `json:"time_wait,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	SVG      string        `json:"svg,omitempty"`
}

func newSide(o *Outcome) side {
	out := side{Outcome: *o}
	if r := o.Report; r != nil {
		out.Close, out.TimeWait, out.Reason = r.Close, r.TimeWait, r.Reason
		out.SVG = ladder.SVG(r, ladder.Config{Client: o.Client, Server: o.Server}, "lesson-"+o.Subject)
	}
	return out
}

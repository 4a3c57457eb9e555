package control

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"lastack/harness/host/setting"
	"lastack/stack/tunable"
)

const (
	// maxBody is the longest value of a PUT in bytes. Two keys have 71.
	maxBody = 256
	// maxList is the longest list of settings in bytes: every tunable, many times.
	maxList = 16 << 10
)

func (a *api) list(w http.ResponseWriter, _ *http.Request) {
	var all []Tunable
	for _, d := range tunable.All() {
		all = append(all, state(a.Tunables, d))
	}
	reply(w, http.StatusOK, all)
}

func (a *api) get(w http.ResponseWriter, r *http.Request) {
	if d, ok := lookup(w, r); ok {
		reply(w, http.StatusOK, state(a.Tunables, d))
	}
}

func (a *api) put(w http.ResponseWriter, r *http.Request) {
	d, ok := lookup(w, r)
	if !ok {
		return
	}
	value, ok := body(w, r, maxBody, "tunable "+d.Name, d.Range())
	if !ok {
		return
	}
	// Blanks and the newline that echo adds are not part of the value.
	if err := a.Tunables.Set(d.Name, strings.TrimSpace(value)); err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	reply(w, http.StatusOK, state(a.Tunables, d))
}

// putAll stores every line's setting, or none.
func (a *api) putAll(w http.ResponseWriter, r *http.Request) {
	text, ok := body(w, r, maxList, "tunables", wantLines)
	if !ok {
		return
	}
	settings, err := parseLines(text)
	if err == nil {
		err = setting.Suggest(a.Tunables.SetAll(settings))
	}
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	var states []Tunable
	for _, g := range settings {
		d, _ := tunable.Lookup(g.Name) // SetAll has found it
		states = append(states, state(a.Tunables, d))
	}
	reply(w, http.StatusOK, states)
}

const wantLines = "lines of NAME=VALUE"

// parseLines reads one setting a line. Empty lines do not matter.
func parseLines(text string) ([]tunable.Setting, error) {
	var settings []tunable.Setting
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		g, err := tunable.ParseSetting(line)
		if err != nil {
			return nil, err
		}
		settings = append(settings, g)
	}
	if len(settings) == 0 {
		return nil, errors.New("tunables: the body is empty; give " + wantLines)
	}
	return settings, nil
}

// body reads a request's body of at most most bytes, or answers what is wrong
// with it: what it is for, and what to give.
func body(w http.ResponseWriter, r *http.Request, most int64, what, give string) (text string, ok bool) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		fail(w, http.StatusRequestEntityTooLarge,
			fmt.Sprintf("%s: the body is longer than %d bytes; give %s", what, most, give))
	case err != nil:
		fail(w, http.StatusBadRequest, "reading the body: "+err.Error())
	}
	return string(b), err == nil
}

// lookup finds the tunable that the path names, or answers 404.
func lookup(w http.ResponseWriter, r *http.Request) (tunable.Def, bool) {
	d, err := tunable.Find(r.PathValue("name"))
	if err != nil {
		fail(w, http.StatusNotFound, setting.Suggest(err).Error())
	}
	return d, err == nil
}

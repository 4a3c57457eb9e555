package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"lastack/stack/tunable"
)

// maxBody is the longest body of a PUT in bytes. A value has at most 20.
const maxBody = 256

// handler is the API as a table: path, methods, what answers.
func handler(c Config) http.Handler {
	a := &api{Config: c}
	mux := http.NewServeMux()
	mux.Handle("/v1/tunables", methods{http.MethodGet: a.list})
	mux.Handle("/v1/tunables/{name}", methods{http.MethodGet: a.get, http.MethodPut: a.put})
	mux.Handle("/v1/host", methods{http.MethodGet: a.host})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "no such path; there are /v1/tunables, /v1/tunables/NAME and /v1/host")
	})
	return mux
}

type api struct{ Config }

func (a *api) list(w http.ResponseWriter, _ *http.Request) {
	var all []Tunable
	for _, d := range tunable.All() {
		all = append(all, state(a.Tunables, d))
	}
	reply(w, http.StatusOK, all)
}

func (a *api) get(w http.ResponseWriter, r *http.Request) {
	if d, ok := a.lookup(w, r); ok {
		reply(w, http.StatusOK, state(a.Tunables, d))
	}
}

func (a *api) put(w http.ResponseWriter, r *http.Request) {
	d, ok := a.lookup(w, r)
	if !ok {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		fail(w, http.StatusRequestEntityTooLarge,
			fmt.Sprintf("tunable %s: the body is longer than %d bytes; give %s", d.Name, maxBody, d.Range()))
		return
	case err != nil:
		fail(w, http.StatusBadRequest, "reading the body: "+err.Error())
		return
	}
	// Blanks and the newline that echo adds are not part of the value.
	if err := a.Tunables.Set(d.Name, strings.TrimSpace(string(body))); err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	reply(w, http.StatusOK, state(a.Tunables, d))
}

func (a *api) host(w http.ResponseWriter, _ *http.Request) {
	info := a.Info()
	if info.Addresses == nil {
		info.Addresses = []netip.Addr{} // an array in JSON, never null
	}
	reply(w, http.StatusOK, info)
}

// lookup finds the tunable that the path names, or answers 404.
func (a *api) lookup(w http.ResponseWriter, r *http.Request) (tunable.Def, bool) {
	name := r.PathValue("name")
	d, ok := tunable.Lookup(name)
	if !ok {
		// Setting an unknown name changes nothing and says which there are.
		fail(w, http.StatusNotFound, a.Tunables.Set(name, "").Error())
	}
	return d, ok
}

// methods answers the HTTP methods it has, and others with 405 in the API's own
// form, which http.ServeMux would answer in plain text.
type methods map[string]http.HandlerFunc

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http leaves the body out
	}
	if h, ok := m[method]; ok {
		h(w, r)
		return
	}
	var allow []string
	for name := range m {
		allow = append(allow, name)
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	fail(w, http.StatusMethodNotAllowed, r.Method+" is not allowed here; use "+strings.Join(allow, " or "))
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	// The only error left is a client that is gone.
	_ = enc.Encode(v)
}

func fail(w http.ResponseWriter, status int, message string) {
	reply(w, status, failure{Error: message})
}

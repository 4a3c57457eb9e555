package control

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Handler is the API by itself, for who serves it elsewhere and decides who may ask. Tunables
// and Info of the Config are required, Log does not count.
func Handler(c Config) http.Handler { return handler(c) }

// handler is the API as a table: path, methods, what answers.
func handler(c Config) http.Handler {
	a := &api{Config: c}
	mux := http.NewServeMux()
	mux.Handle("/v1/tunables", methods{http.MethodGet: a.list, http.MethodPut: a.putAll})
	mux.Handle("/v1/tunables/{name}", methods{http.MethodGet: a.get, http.MethodPut: a.put})
	mux.Handle("/v1/host", methods{http.MethodGet: a.host})
	known := "/v1/tunables, /v1/tunables/NAME and /v1/host"
	if c.Impairments != nil {
		mux.Handle("/v1/impairments", methods{http.MethodGet: a.rules, http.MethodPut: a.putRules})
		known = "/v1/impairments, " + known
	}
	if c.Sockets != nil {
		mux.Handle("/v1/sockets", methods{http.MethodGet: a.sockets})
		mux.Handle("/v1/sockets/summary", methods{http.MethodGet: a.summary})
		mux.Handle("/v1/sockets/destinations", methods{http.MethodGet: a.destinations})
		known = "/v1/sockets, /v1/sockets/summary, /v1/sockets/destinations, " + known
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "no such path; there are "+known)
	})
	return mux
}

type api struct{ Config }

func (a *api) host(w http.ResponseWriter, _ *http.Request) {
	info := a.Info()
	if info.Addresses == nil {
		info.Addresses = []netip.Addr{} // an array in JSON, never null
	}
	reply(w, http.StatusOK, info)
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

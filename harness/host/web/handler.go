package web

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"

	"lastack/harness/host/control"
	"lastack/harness/teardown/ladder"
)

//go:embed assets
var assets embed.FS

// Bounds of requests at once.
const (
	maxRequests = 64
	maxStreams  = 16
)

// Handler is the page and its API, behind the checks that the package comment tells of. What
// it began ends when its requests do.
func Handler(c Config) (http.Handler, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err
	}
	s := &site{Config: c, streams: make(chan struct{}, maxStreams), lesson: make(chan struct{}, 1), actions: make(chan struct{}, maxActions)}
	s.gauge.read = s.measure
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(files))
	mux.HandleFunc("GET /ladder.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(ladder.Style)) // to a reader that may be gone
	})
	mux.HandleFunc("GET /api/hello", s.hello)
	mux.HandleFunc("GET /api/events", s.events)
	mux.HandleFunc("GET /api/connections/{id}", s.connection)
	mux.HandleFunc("GET /api/connections/{id}/{file}", s.export)
	mux.HandleFunc("GET /api/session.pcapng", s.sessionCapture)
	mux.HandleFunc("GET /api/session.html", s.sessionPage)
	mux.HandleFunc("POST /api/actions/{id}", s.act)
	mux.HandleFunc("POST /api/lessons/{id}", s.learn)
	mux.Handle("/v1/", control.Handler(c.Control))
	return &guard{token: c.Token, host: c.Host, next: limit(mux)}, nil
}

// site answers requests.
type site struct {
	Config
	streams, lesson, actions chan struct{}
	gauge                    gauge
}

// limit refuses requests past a number at once.
func limit(next http.Handler) http.Handler {
	slots := make(chan struct{}, maxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			fail(w, http.StatusServiceUnavailable, "too many requests at once; close other pages of this host")
		}
	})
}

// hello is what a page asks first.
func (s *site) hello(w http.ResponseWriter, _ *http.Request) {
	info := s.Control.Info()
	apps := []string{}
	for _, a := range s.Apps {
		apps = append(apps, a.String())
	}
	lessons := s.Lessons
	if s.Run == nil || lessons == nil {
		lessons = []Lesson{}
	}
	reply(w, map[string]any{
		"version": info.Version, "addresses": s.Addrs, "apps": apps,
		"actions": s.available(), "lessons": lessons, "states": ladder.States(),
	})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // to a reader that may be gone
}

// fail answers as the control API does.
func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}
